"""Which of the tables with secrets this process may read. On SQLite whoever reads the file reads all of them."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.schema.tables import Schema
from regulars.adapters.sql.table_names import PREFIX, ours
from regulars.crm_domain.errors import StoreUnusable

_READABLE = "SELECT name, has_table_privilege(quote_ident(name), 'SELECT') FROM unnest(%s::text[]) AS name"


class Access(Struct, frozen=True, kw_only=True):
    """What may be read: the keys of customers, what they are found by, and rows that imports refused."""

    keys: bool = True
    lookups: bool = True
    quarantine: bool = True

    @property
    def opens_nothing(self) -> bool:
        """Whether nothing of what may be read needs the master key."""
        return not (self.keys or self.lookups or self.quarantine)

    def require_keys(self) -> None:
        """Raise StoreUnusable where nobody's name can be read."""
        if not self.keys:
            raise _missing("keys", "reads nobody's name, and this answer would be empty without names")

    def require_lookups(self) -> None:
        """Raise StoreUnusable where nobody is found by what they are called."""
        if not self.lookups:
            raise _missing("lookups", "finds nobody by reference, e-mail or phone; it may ask by id:...")

    def require_quarantine(self) -> None:
        """Raise StoreUnusable where refused rows can't be read."""
        if not self.quarantine:
            raise _missing("quarantine", "reads no rows that imports refused")


def _missing(table: str, what_follows: str) -> StoreUnusable:
    return StoreUnusable(f'this role may not SELECT from "{ours(table)}", so it {what_follows}')


def found_access(connection: Connection, schema: Schema) -> Access:
    """What the role of a connection may read."""
    if connection.dialect.name == "sqlite":
        return Access()
    names = [table.name for table in (schema.keys, schema.lookups, schema.quarantine)]
    found = connection.exec_driver_sql(_READABLE, (names,))
    return Access(**{name.removeprefix(PREFIX): readable for name, readable in found})
