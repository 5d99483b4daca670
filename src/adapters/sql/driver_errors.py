"""The drivers' errors, translated by their codes: messages come in any language.

SQLite has integers whose last byte is the primary code; PostgreSQL has five characters (SQLSTATE).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import URL
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from regulars.adapters.sql.table_names import PREFIX
from regulars.crm_domain.errors import NotFound, RegularsError, StoreBusy, StoreUnusable

_BUSY = {
    *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL),
    *("55P03", "40P01", "40001"),  # a lock that wasn't had in time, a deadlock, transactions that can't be put in order
}
_FULL = {sqlite3.SQLITE_FULL, "53100"}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, "XX001", "XX002"}
_READ_ONLY = {sqlite3.SQLITE_READONLY, "25006"}
_FORBIDDEN = {sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH, "42501"}
_UNWRITABLE = {"22P05", "22021"}  # a character that the encoding of the database doesn't have
_STILL_ASKED = "2BP01"  # something of others asks for what is to be dropped
_MISSING_COLUMN = {sqlite3.SQLITE_ERROR, "42703"}
_GOING_AWAY = {"57P01", "57P02", "57P03"}  # it shuts down, it crashed, it isn't up yet

# What a driver raises of these kinds is about the database or the way to it, and no fault of a statement.
_OF_THE_DATABASE = (OperationalError, InternalError, InterfaceError)


@contextmanager
def translated_errors(url: URL) -> Iterator[None]:
    """Raise StoreBusy or StoreUnusable, in a sentence, for a failure of the database rather than of a statement.

    Raises NotFound for a query with a character that no database takes as text: NUL, or a lone surrogate.
    """
    try:
        yield
    except PoolTimeout as error:
        raise StoreBusy("too many threads read at once") from error
    except UnicodeEncodeError as error:
        raise _asked_for_no_text(error.object[error.start]) from None
    except DBAPIError as error:
        meant = _meaning(error.orig, url)
        if meant is None and isinstance(error, DataError) and _code(error.orig) is None:
            meant = _asked_for_no_text("\0")  # the driver's own objection, before the server sees it
        if meant is None and error.connection_invalidated:
            meant = _lost(error.orig, url)
        if meant is None and isinstance(error, _OF_THE_DATABASE):
            meant = StoreUnusable(f"{name_of(url)}: {_message(error.orig)}")
        if meant is None:
            raise
        raise meant from error
    except Exception as error:
        if not _is_of_a_driver(error):
            raise
        meant = _meaning(error, url)
        if meant is None and any(kind.__name__ == "OperationalError" for kind in type(error).__mro__):
            meant = StoreUnusable(f"{name_of(url)}: {_message(error)}")
        if meant is None:
            raise
        raise meant from error


def _is_of_a_driver(error: Exception) -> bool:
    """Whether a driver raised it without SQLAlchemy in between; psycopg may not be installed."""
    return isinstance(error, sqlite3.Error) or hasattr(error, "sqlstate")


def read_only_sentence(url: URL) -> str:
    """Why nothing can be written."""
    return f"this store can't be written: {name_of(url)} is read-only"


def name_of(url: URL) -> str:
    """A file's path, or a server's URL without the password."""
    return str(url.database) if url.get_backend_name() == "sqlite" else url.render_as_string()


def _meaning(error: BaseException | None, url: URL) -> RegularsError | None:
    code, message, name = _code(error), _message(error), name_of(url)
    if code in _BUSY:
        return StoreBusy(f"the database stayed locked by another writer: {message}")
    if code in _FULL:
        return StoreUnusable(f"the disk is full, so nothing was written: {message}")
    if code in _DAMAGED:
        return StoreUnusable(f"{name} is damaged, and needs to be restored from a backup: {message}")
    if code in _READ_ONLY:
        return StoreUnusable(read_only_sentence(url))
    if code in _FORBIDDEN:
        return StoreUnusable(f"{name}: {message}; the database's administrator can grant it")
    if code in _UNWRITABLE:
        return StoreUnusable(f"{name} can't hold that text, as its encoding is not UTF8: {message}")
    if code == _STILL_ASKED:
        return StoreUnusable(f"{name}: {message}; what others build is to ask the views that begin with regulars_")
    if code in _MISSING_COLUMN and "column" in message and PREFIX in message:
        asked = "what is asked for isn't in the read models yet, as other code built them"
        return StoreUnusable(f"{asked}; `regulars rebuild --stale` builds it")
    if code == sqlite3.SQLITE_NOTADB:
        return StoreUnusable(f"{name} is not a database")
    if code in _GOING_AWAY or (isinstance(code, str) and code.startswith("08")):
        return _lost(error, url)
    return None


def _asked_for_no_text(character: str) -> RegularsError:
    return NotFound(f"no text in a store has the character U+{ord(character):04X}, which was asked for")


def _lost(error: BaseException | None, url: URL) -> RegularsError:
    return StoreUnusable(f"the connection to {name_of(url)} was lost: {_message(error)}")


def _code(error: BaseException | None) -> int | str | None:
    """The last byte of SQLite's code, or PostgreSQL's five characters."""
    number: int | None = getattr(error, "sqlite_errorcode", None)
    state: str | None = getattr(error, "sqlstate", None)
    return state if number is None else number & 0xFF


def _message(error: BaseException | None) -> str:
    """The driver's first line; those after it may show the statement or a row."""
    said: str | None = getattr(getattr(error, "diag", None), "message_primary", None)
    return (said or str(error)).strip().partition("\n")[0]
