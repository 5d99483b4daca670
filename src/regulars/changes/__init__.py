"""The change feed: what changed for whom since a subscriber last heard, in batches that are kept until acknowledged.

`change` has the values, `difference` works out what there is to tell, `feed` hands it out; `told` says of what.
"""

from regulars.changes.change import Batch, Change, ChangeKind
from regulars.changes.feed import ChangeFeed, SubscriptionView

__all__ = ["Batch", "Change", "ChangeFeed", "ChangeKind", "SubscriptionView"]
