"""Translation of SQLAlchemy's and our exceptions into the `eventsourcing` library's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from eventsourcing import persistence
from sqlalchemy import exc

from regulars.crm_domain.errors import StoreBusy, StoreUnusable

_ERRORS: Mapping[type[exc.SQLAlchemyError], type[persistence.PersistenceError]] = {
    exc.DataError: persistence.DataError,
    exc.DatabaseError: persistence.DatabaseError,
    exc.IntegrityError: persistence.IntegrityError,
    exc.InterfaceError: persistence.InterfaceError,
    exc.InternalError: persistence.InternalError,
    exc.NotSupportedError: persistence.NotSupportedError,
    exc.OperationalError: persistence.OperationalError,
    exc.ProgrammingError: persistence.ProgrammingError,
    exc.StatementError: persistence.DataError,  # a value that doesn't fit its column never reaches the database
    exc.TimeoutError: persistence.OperationalError,  # no connection became free in time
}


@contextmanager
def library_errors() -> Iterator[None]:
    """Raise the library's own exceptions in place of SQLAlchemy's and ours."""
    try:
        yield
    except (StoreBusy, StoreUnusable) as error:
        raise persistence.OperationalError(str(error)) from error
    except exc.SQLAlchemyError as error:
        # SQLAlchemy's own message shows the statement's parameters, the states of events among them.
        sentence = str(error.orig) if isinstance(error, exc.StatementError) else str(error)
        raise _ERRORS.get(type(error), persistence.PersistenceError)(sentence) from error
