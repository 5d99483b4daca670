"""Files people really have, turned into commands. Knows no database: who reads the rows carries out the commands.

`mapping` is the grammar and `words` its words, `source` reads records from bytes, `identity` names rows that have no
id of their own, `commands` compiles a mapping for the columns of a file, and `rows` puts them together.
"""

from regulars.adapters.importing.mapping import Mapping, load_mapping
from regulars.adapters.importing.rows import Row, rows, total_bytes

__all__ = ["Mapping", "Row", "load_mapping", "rows", "total_bytes"]
