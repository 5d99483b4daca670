"""Files of any shop, mapped to commands. No database is used here: the caller carries the commands out.

`mapping` is the grammar and `words` its words, `source` reads records from bytes, `identity` derives ids for rows
without one, `commands` compiles a mapping for the columns of a file, and `rows` combines them. `proposing` finds a
mapping for a file that has none.
"""

from regulars.adapters.importing.mapping import Mapping, load_mapping, parse_mapping
from regulars.adapters.importing.proposing import PRESETS, Preset, Proposal, preset_for, propose
from regulars.adapters.importing.rows import Row, rows, total_bytes

__all__ = [
    "PRESETS",
    "Mapping",
    "Preset",
    "Proposal",
    "Row",
    "load_mapping",
    "parse_mapping",
    "preset_for",
    "propose",
    "rows",
    "total_bytes",
]
