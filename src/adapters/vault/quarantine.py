"""The quarantine: rows that an import refused, kept encrypted until that file is imported again.

They are encrypted under the store's key, which outlives customers; so rows that name a forgotten customer are dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.schema.tables import Schema
from regulars.adapters.sql.chunks import CHUNK, chunks
from regulars.adapters.sql.columns import as_stored
from regulars.adapters.vault.access import Access
from regulars.adapters.vault.cipher import Cipher
from regulars.adapters.vault.keyring import Keyring
from regulars.adapters.vault.mentions import Names
from regulars.adapters.vault.misread import is_misread, other_readings
from regulars.crm_domain.errors import StoreUnusable

_CONTEXT = b"quarantine"
_ESCAPES = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}")


class Reject(Struct, frozen=True, kw_only=True):
    """A refused row: the file's name, the line it begins at, the reason, and the text that was read.

    `speaks_of` are the names, references and addresses in it, as far as it could be read. The encoding of one that
    `is_guess` was guessed, so it may have been read as other letters than were written.
    """

    source: str
    line: int
    reason: str
    text: str
    speaks_of: tuple[str, ...] = ()
    is_guess: bool = False


#: The reject in place of a row that can't be decrypted.
_UNREADABLE = Reject(
    source="?", line=0, reason="this row was damaged and can't be read; import its file again", text=""
)


class Quarantine:
    """The refused rows, in one transaction, by the file they came from, as it was named to the import."""

    def __init__(self, connection: Connection, schema: Schema, keyring: Keyring, access: Access) -> None:
        self._connection = connection
        self._table = schema.quarantine
        self._keyring = keyring
        self._access = access

    def clear(self, *files: str) -> None:
        """Delete the rows that an earlier import of a file refused, as it is imported again."""
        keys = [self._keyed(file) for file in files]
        self._connection.execute(self._table.delete().where(self._table.c.source.in_(keys)))

    def keep(self, file: str, rejects: Sequence[Reject]) -> None:
        """Add some refused rows of one file to those that are kept."""
        if not rejects:
            return
        table, key = self._table, self._keyed(file)
        last = self._connection.scalar(sa.select(sa.func.max(table.c.ordinal)).where(table.c.source == key)) or 0
        rows = [
            {
                "source": key,
                "ordinal": last + index,
                "secret": self._keyring.quarantine.seal(msgspec.json.encode(reject), _CONTEXT),
            }
            for index, reject in enumerate(rejects, start=1)
        ]
        self._connection.execute(table.insert(), rows)

    def rows(self) -> Iterator[Reject]:
        """All refused rows, by file and in order of lines; damaged ones come last."""
        for _, of_file in groupby(self._opened(), key=lambda opened: opened[0][0]):
            opened = [reject for _, reject in of_file]
            yield from sorted((each for each in opened if each is not None), key=lambda reject: reject.line)
            yield from (_UNREADABLE for each in opened if each is None)

    def count(self) -> int | None:
        """How many refused rows are kept; None where this role may not read them."""
        if not self._access.quarantine:
            return None
        return self._connection.execute(sa.select(sa.func.count()).select_from(self._table)).scalar_one()

    def about(self, names: Names) -> list[Reject]:
        """The rows that certainly name one of some customers, and those that can't be decrypted."""
        return [
            reject or _UNREADABLE for _, reject in self._opened() if reject is None or names.are_in(_text_of(reject))
        ]

    def drop(self, names: Names) -> None:
        """Drop the rows that may name one of some customers; of text that could not be parsed, also where it has only
        parts of a name.

        Dropping too many is safe, as another import of the file brings them back. So damaged rows are dropped, too:
        they might name one of these customers.
        """
        table = self._table
        dropped = [
            key
            for key, reject in self._opened()
            if reject is None
            or names.may_be_in(_text_of(reject))
            or (_may_be_misread(reject) and names.may_be_misread_in(reject.text))
            or (not reject.speaks_of and names.are_cut_in(reject.text))
        ]
        for chunk in chunks(dropped, CHUNK // 2):
            these = sa.tuple_(table.c.source, table.c.ordinal).in_(chunk)
            self._connection.execute(table.delete().where(these))

    def _opened(self) -> Iterator[tuple[tuple[str, int], Reject | None]]:
        """Each row with its primary key; None for a damaged one."""
        self._access.require_quarantine()
        table, cipher = self._table, self._keyring.quarantine
        for source, ordinal, secret in self._connection.execute(
            as_stored(table).order_by(table.c.source, table.c.ordinal)
        ):
            yield (source, ordinal), _read(cipher, secret)

    def _keyed(self, file: str) -> str:
        return self._keyring.keyed("quarantine", file.encode())


_decode = msgspec.json.Decoder(Reject).decode


def _read(cipher: Cipher, secret: object) -> Reject | None:
    if not isinstance(secret, bytes):
        return None
    try:
        return _decode(cipher.open(secret, _CONTEXT))
    except (StoreUnusable, msgspec.DecodeError):
        return None


def _may_be_misread(reject: Reject) -> bool:
    return is_misread(reject.text) or (reject.is_guess and not reject.text.isascii())


def _text_of(reject: Reject) -> str:
    """All that a row says, also as it reads in another encoding, or without the escapes of JSON and CSV, of which it
    may be half a record.
    """
    texts = [reject.reason, reject.text, *reject.speaks_of, *other_readings(reject.text)]
    if '""' in reject.text:
        texts.append(reject.text.replace('""', '"'))
    if "\\" in reject.text:
        texts.append(_unescaped(reject.text))
    return "\n".join(texts)


def _unescaped(text: str) -> str:
    for letter in "bfnrt":
        text = text.replace(f"\\{letter}", " ")
    for escape in set(_ESCAPES.findall(text)):
        text = text.replace(escape, _letter(escape))
    return text.replace("\\", "")


@lru_cache(maxsize=10_000)
def _letter(escape: str) -> str:
    return bytes.fromhex(escape.replace("\\u", "")).decode("utf-16-be", "replace")
