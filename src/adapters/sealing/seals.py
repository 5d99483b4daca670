"""Seals: hashes over blocks of consecutive events, which reveal any later change.

1. An event's entry is its position and the SHA-256 of everything else that is stored of it.
2. A seal holds the entries of its block, and their Merkle root, in order of position.
3. A seal's chain hash covers the chain hash before it, and the seal's number, first and last position, number of
   events, root and instant.
4. The chain begins with a hash of the founding rules.

So the last chain hash stands for the whole log up to there. Everything is read as raw bytes: what was changed from
outside may not even be text any more.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import asdict, replace
from sqlalchemy.engine import Connection

from regulars.adapters.sealing.merkle import merkle_root
from regulars.crm_domain.errors import StoreUnusable

BLOCK = 1_000
HASH_BYTES = 32

#: An event's position, and the SHA-256 of everything else that is stored of it.
Entry = tuple[int, bytes]

#: In this order. A column that comes later belongs at the end: where it is NULL, older entries stay what they are.
COLUMNS = (
    *("stream_id", "version", "category", "customer_id", "type", "occurred_at", "recorded_at", "actor"),
    *("correlation_id", "causation_id", "command_id", "payload", "secret"),
)

_NAMES = tuple(len(name).to_bytes(1, "big") + name.encode() for name in COLUMNS)
_RAW: sa.types.TypeEngine[Any] = sa.types.NullType()
_HASHES = ("previous", "root", "chain")
_ENTRY = struct.Struct(f">q{HASH_BYTES}s")
_SEAL = struct.Struct(f">{HASH_BYTES}sqqqq{HASH_BYTES}sq")


class Seal(Struct, frozen=True, kw_only=True):
    """A block of events: `previous` is the chain hash before it, `sealed_at` an instant."""

    number: int
    previous: bytes
    first: int
    last: int
    events: int
    root: bytes
    sealed_at: int
    chain: bytes

    @property
    def holds(self) -> bool:
        """Whether its chain hash is the hash of its fields."""
        return self.chain == chain_hash(self)


# ------------------------------------------------------------------------------------------------------------ hashes


def chain_hash(seal: Seal) -> bytes:
    """The hash of a seal and everything before it."""
    packed = _SEAL.pack(seal.previous, seal.number, seal.first, seal.last, seal.events, seal.root, seal.sealed_at)
    return sha256(b"regulars seal\0" + packed).digest()


def genesis(founding_rules: bytes) -> bytes:
    """The chain hash before the first seal."""
    return sha256(b"regulars founding rules\0" + founding_rules).digest()


def make_seal(number: int, previous: bytes, entries: Sequence[Entry], sealed_at: int) -> tuple[Seal, bytes]:
    """The seal of a block, and its entries as they are stored."""
    packed = [_ENTRY.pack(*entry) for entry in entries]
    seal = Seal(
        number=number,
        previous=previous,
        first=entries[0][0],
        last=entries[-1][0],
        events=len(entries),
        root=merkle_root(packed),
        sealed_at=sealed_at,
        chain=b"",
    )
    return replace(seal, chain=chain_hash(seal)), b"".join(packed)


def root_of(entries: Iterable[Entry]) -> bytes:
    """The Merkle root over entries."""
    return merkle_root([_ENTRY.pack(*entry) for entry in entries])


def unpack_entries(stored: bytes) -> list[Entry]:
    """Decode the entries of a seal; none where the bytes can't be decoded."""
    return [] if len(stored) % _ENTRY.size else list(_ENTRY.iter_unpack(stored))


def seal_row(seal: Seal, entries: bytes) -> dict[str, Any]:
    """A seal's row of the table."""
    return asdict(seal) | {"entries": entries}


def _digest(values: Iterable[Any]) -> bytes:
    """SHA-256 over the columns that are not NULL: each one's name, kind, length and bytes."""
    parts: list[bytes | bytearray] = []
    for name, value in zip(_NAMES, values, strict=True):
        if value is None:
            continue
        kind = type(value)
        if kind is bytearray:  # how SQLite's text comes, see _undecoded
            tag, data = b"t", value
        elif kind is str:
            tag, data = b"t", value.encode()
        elif kind is int:
            tag, data = b"i", value.to_bytes(8, "big", signed=True)
        elif kind is bytes:
            tag, data = b"b", value
        else:
            tag, data = b"?", repr(value).encode()
        parts += (name, tag, len(data).to_bytes(4, "big"), data)
    return sha256(b"".join(parts)).digest()


# ----------------------------------------------------------------------------------------------------------- reading


def read_entries(connection: Connection, events: sa.Table, *conditions: sa.ColumnElement[bool]) -> Iterator[Entry]:
    """The entries of the events that meet all conditions, in order of position, with one page of them in memory."""
    statement = _as_stored(events, "position", *COLUMNS).where(*conditions).order_by(events.c.position).limit(2 * BLOCK)
    page = _fetch(connection, statement)
    while page:
        for position, *values in page:
            yield position, _digest(values)
        if len(page) < 2 * BLOCK:
            return
        page = _fetch(connection, statement.where(events.c.position > page[-1][0]))


def read_seals(connection: Connection, seals: sa.Table) -> Iterator[tuple[int, Seal | None, bytes]]:
    """Each seal's number, the seal, and its entries as they are stored, in order of the numbers.

    A seal that can't be decoded is None, and entries that can't be are empty.
    """
    names = (*Seal.__struct_fields__, "entries")
    statement = _as_stored(seals, *names).order_by(seals.c.number).limit(20)
    page = _fetch(connection, statement)
    while page:
        for *values, entries in page:
            yield values[0], _restored(values), entries if isinstance(entries, bytes) else b""
        page = _fetch(connection, statement.where(seals.c.number > page[-1][0]))


def read_last_seal(connection: Connection, seals: sa.Table) -> Seal | None:
    """The last seal, None where there is none. Raises StoreUnusable for a damaged one."""
    statement = _as_stored(seals, *Seal.__struct_fields__).order_by(seals.c.number.desc()).limit(1)
    found = _fetch(connection, statement)
    if not found:
        return None
    seal = _restored(found[0])
    if seal is None or not seal.holds:
        raise StoreUnusable(
            f"seal {found[0][0]} is not as it was made, so nothing can be sealed after it; `regulars verify` says more"
        )
    return seal


def read_genesis(connection: Connection, settings: sa.Table, founding: str) -> bytes:
    """The genesis of a store, from `founding`, the setting with its founding rules; empty where that is missing."""
    found = _fetch(connection, _as_stored(settings, "value").where(settings.c.name == founding))
    return genesis(found[0][0]) if found and isinstance(found[0][0], bytes) else b""


def _restored(values: Sequence[Any]) -> Seal | None:
    fields = dict(zip(Seal.__struct_fields__, values, strict=True))
    hashes = [fields[name] for name in _HASHES]
    numbers = [value for name, value in fields.items() if name not in _HASHES]
    are_hashes = all(isinstance(each, bytes) and len(each) == HASH_BYTES for each in hashes)
    return Seal(**fields) if are_hashes and all(isinstance(each, int) for each in numbers) else None


def _as_stored(table: sa.Table, *columns: str) -> sa.Select[Any]:
    """A select whose values are not converted."""
    return sa.select(*[sa.type_coerce(table.c[name], _RAW) for name in columns])


def _fetch(connection: Connection, statement: sa.Select[Any]) -> Sequence[Sequence[Any]]:
    with _undecoded(connection):
        return connection.execute(statement).all()


@contextmanager
def _undecoded(connection: Connection) -> Iterator[None]:
    """Let SQLite return text as a bytearray: it may be invalid, and must differ from a blob of the same bytes."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        yield
        return
    usual = driver.text_factory
    driver.text_factory = bytearray
    try:
        yield
    finally:
        driver.text_factory = usual
