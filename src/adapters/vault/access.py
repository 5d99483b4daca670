"""The tables with secrets that may be read: on PostgreSQL by the role's grants; on SQLite all, as for every reader.
Where a store was opened without personal data, none.
"""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.schema.tables import Schema
from regulars.adapters.sql.table_names import PREFIX, ours
from regulars.crm_domain.errors import StoreUnusable

_READABLE = "SELECT name, has_table_privilege(quote_ident(name), 'SELECT') FROM unnest(%s::text[]) AS name"


class Access(Struct, frozen=True, kw_only=True):
    """Which secrets may be read: customers' keys, look-ups (their keyed hashes), and rows that imports refused. They
    are `withheld` where the role might read them, and the store was opened without personal data.
    """

    keys: bool = True
    lookups: bool = True
    quarantine: bool = True
    withheld: bool = False

    @property
    def opens_nothing(self) -> bool:
        """Whether this role may read nothing that the master key protects, and so doesn't need it."""
        return not (self.keys or self.lookups or self.quarantine)

    def require_keys(self) -> None:
        """Raise StoreUnusable where customers' keys, and so their personal data, can't be read."""
        if not self.keys:
            raise self._missing("keys", "can't read names, and this answer would be empty without them")

    def require_lookups(self) -> None:
        """Raise StoreUnusable where look-ups can't be read."""
        if not self.lookups:
            raise self._missing("lookups", "can't find customers by reference, e-mail or phone; it may ask by id:...")

    def require_quarantine(self) -> None:
        """Raise StoreUnusable where refused rows can't be read."""
        if not self.quarantine:
            raise self._missing("quarantine", "can't read rows that imports refused")

    def _missing(self, table: str, what_follows: str) -> StoreUnusable:
        may_not = f'this role may not SELECT from "{ours(table)}"'
        reason = "this store was opened without personal data" if self.withheld else may_not
        return StoreUnusable(f"{reason}, so it {what_follows}")


#: What may be read of a store that is opened without personal data.
NO_SECRETS = Access(keys=False, lookups=False, quarantine=False, withheld=True)


def found_access(connection: Connection, schema: Schema) -> Access:
    """The access of a connection's role."""
    if connection.dialect.name == "sqlite":
        return Access()
    names = [table.name for table in (schema.keys, schema.lookups, schema.quarantine)]
    found = connection.exec_driver_sql(_READABLE, (names,))
    return Access(**{name.removeprefix(PREFIX): readable for name, readable in found})
