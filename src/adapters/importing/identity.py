"""Ids for rows that have none, from their content and the number of equal rows before them in the file."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from collections.abc import Callable, Sequence

from regulars.crm_domain.errors import StoreUnusable

_DIGEST_BYTES = 16
_CACHE_KIB = 16_384

Keyed = Callable[[bytes], str]


class Ordinals:
    """Counts equal rows, in memory that does not grow with the file.

    A private temporary SQLite database holds some 25 bytes for each distinct row: up to 16 MiB in memory, which is
    about 650,000 rows, and beyond that in a temporary file that is deleted when this is closed. It holds digests under
    a key that is never written, so the disk has nothing of the rows.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(_DIGEST_BYTES)
        self._database = sqlite3.connect("", isolation_level=None)
        for pragma in (f"cache_size = -{_CACHE_KIB}", "journal_mode = OFF", "synchronous = OFF", "temp_store = FILE"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.execute("CREATE TABLE seen (digest BLOB PRIMARY KEY, times INTEGER) WITHOUT ROWID")
        self._database.execute("BEGIN")

    def next(self, content: bytes) -> int:
        """1 for the first row with this content, 2 for the second, and so on.

        Raises StoreUnusable where there is no room for the temporary file.
        """
        digest = hashlib.blake2b(content, digest_size=_DIGEST_BYTES, key=self._key).digest()
        try:
            if self._database.execute("INSERT OR IGNORE INTO seen VALUES (?, 1)", (digest,)).rowcount:
                return 1
            again = "UPDATE seen SET times = times + 1 WHERE digest = ? RETURNING times"
            [times] = self._database.execute(again, (digest,)).fetchone()
        except sqlite3.OperationalError as error:
            raise StoreUnusable(f"there is no room for temporary files, which a large import needs: {error}") from error
        return int(times)

    def close(self) -> None:
        """Delete the temporary database."""
        self._database.close()


def canonical(fields: Sequence[str]) -> bytes:
    """The content of a row as bytes, each field with its length before it, so that different rows have different
    bytes.
    """
    return "".join([f"{len(field)}\x1f{field}\x1f" for field in fields]).encode()


class RowIdentity:
    """The ids of one row's commands, `row:` and 32 hexadecimal digits. Rows that need none are never counted."""

    __slots__ = ("_fields", "_keyed", "_name", "_ordinals")

    def __init__(self, fields: Sequence[str], keyed: Keyed, ordinals: Ordinals) -> None:
        self._fields = fields
        self._keyed = keyed
        self._ordinals = ordinals
        self._name: bytes | None = None

    def of_command(self, number: int, part: str = "") -> str:
        """The id of the row's command with this number in the mapping, from 0, or of its command for a part."""
        if self._name is None:
            content = canonical(self._fields)
            self._name = b"%b%d\x1f" % (content, self._ordinals.next(content))
        # The first word keeps these hashes apart from whatever else is hashed under the same key.
        named = b"imported row\x1f%b%d" % (self._name, number)
        return "row:" + self._keyed(named + b"\x1f" + part.encode() if part else named)[:32]
