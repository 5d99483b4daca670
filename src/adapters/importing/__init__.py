"""Files of any shop, mapped to commands. No database is used here: the caller carries the commands out.

`mapping` is the grammar and `words` its words, `source` reads records from bytes, `identity` derives ids for rows
without one, `commands` compiles a mapping for the columns of a file, and `rows` combines them.
"""

from regulars.adapters.importing.mapping import Mapping, load_mapping
from regulars.adapters.importing.rows import Row, rows, total_bytes

__all__ = ["Mapping", "Row", "load_mapping", "rows", "total_bytes"]
