"""The rows of an archive: every stored column of an event, as it is stored, and the digest of its command."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any

import msgspec

from regulars.adapters.log.codec import not_as_recorded
from regulars.adapters.schema.tables import EVENT_COLUMNS
from regulars.crm_domain.errors import StoreUnusable

#: The digest that the command log keeps of an event's command: it tells a retry from another command of the same id.
COMMAND_DIGEST = "command_digest"
COLUMNS = (*EVENT_COLUMNS, COMMAND_DIGEST)

_NUMBERS = frozenset({"position", "version", "occurred_at", "recorded_at", "causation_id"})
_BYTES = frozenset({"payload", "secret"})
_OPTIONAL = frozenset({"correlation_id", "causation_id", "command_id", "secret", COMMAND_DIGEST})

#: By name of a column, the types of values that it may hold.
_KINDS: dict[str, frozenset[type]] = {
    name: frozenset({int if name in _NUMBERS else bytes if name in _BYTES else str})
    | (frozenset({type(None)}) if name in _OPTIONAL else frozenset())
    for name in COLUMNS
}


def arrow() -> ModuleType:
    """The library `pyarrow`, with its module for Parquet. Raises StoreUnusable where it isn't installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise StoreUnusable("an archive takes the extra: pip install 'regulars[archive]'") from None
    found: ModuleType = pyarrow
    return found


def schema() -> Any:
    """The schema of a file, as Arrow has it."""
    pa = arrow()

    def kind(name: str) -> Any:
        return pa.int64() if name in _NUMBERS else pa.binary() if name in _BYTES else pa.string()

    return pa.schema([pa.field(name, kind(name), nullable=name in _OPTIONAL) for name in COLUMNS])


def batch_of(rows: Sequence[Sequence[Any]], wanted: Any) -> Any:
    """A record batch of rows of COLUMNS. Raises StoreUnusable for a value that we never write: SQLite has any."""
    columns = list(zip(*rows, strict=True))
    for name, values in zip(COLUMNS, columns, strict=True):
        if not set(map(type, values)) <= _KINDS[name]:
            position = next(row[0] for row, value in zip(rows, values, strict=True) if type(value) not in _KINDS[name])
            raise not_as_recorded(position, name)
    pa = arrow()
    arrays = [pa.array(values, field.type) for values, field in zip(columns, wanted, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=wanted)


def digest_of(row: Iterable[Any]) -> str:
    """The digest of an event: SHA-256 of its columns, without that of its command, as MessagePack."""
    values = [bytes(each) if isinstance(each, memoryview) else each for each in row][: len(EVENT_COLUMNS)]
    return hashlib.sha256(msgspec.msgpack.encode(values)).hexdigest()
