"""What is to be done today, and why: lines of several kinds, each a question about read models, in one order.

`gathering` finds them in one snapshot, `values` has their types, `page` lays them out, `mail` writes them as a message.
"""

from regulars.today.values import DueLine, KindOfLine, Today

__all__ = ["DueLine", "KindOfLine", "Today"]
