"""Grants on PostgreSQL: those that a reader of the views needs, and copies of one table's grants on another."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.engine import Connection

from regulars.adapters.sql.statement import run
from regulars.crm_domain.errors import StoreUnusable

# A table without grants has those of its owner, which may differ from the other table's owner.
_GRANTS = """
    WITH source AS (SELECT * FROM pg_class WHERE oid = to_regclass(%(source)s)),
    held AS (
        SELECT acl.*, '' AS columns
        FROM source, aclexplode(coalesce(relacl, acldefault('r', relowner))) AS acl
        UNION ALL
        SELECT acl.*, format(' (%%I)', attname)
        FROM source JOIN pg_attribute ON attrelid = source.oid, aclexplode(attacl) AS acl
    )
    SELECT format(
        'GRANT %%s%%s ON %%s TO %%s%%s', privilege_type, columns, target.oid::regclass,
        CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
        CASE WHEN is_grantable AND grantee <> 0 THEN ' WITH GRANT OPTION' ELSE '' END
    )
    FROM held, pg_class AS target
    WHERE target.oid = to_regclass(%(target)s) AND grantee <> target.relowner
"""


def grants_to_read(connection: Connection, role: str, names: Iterable[str]) -> tuple[str, ...]:
    """GRANT statements that let a role read some views and nothing else; none is run.

    Raises StoreUnusable on SQLite, which has no roles.
    """
    if connection.dialect.name != "postgresql":
        raise StoreUnusable(
            "a SQLite file has no roles: its readers read all of it; a master key protects the names in it "
            "(`regulars keys new`)"
        )
    quoted = connection.dialect.identifier_preparer.quote_identifier
    schema, reader = quoted(connection.exec_driver_sql("SELECT current_schema()").scalar_one()), quoted(role)
    usage = f"GRANT USAGE ON SCHEMA {schema} TO {reader};"
    return (usage, *(f"GRANT SELECT ON {schema}.{quoted(name)} TO {reader};" for name in names))


def pass_on_grants(connection: Connection, source: str, target: str) -> None:
    """Grant on a table or view, which this role owns, whatever is granted on another, its owner's rights included.

    Nothing is revoked. SQLite has no grants.
    """
    if connection.dialect.name != "postgresql":
        return
    names = {"source": f'"{source}"', "target": f'"{target}"'}
    for grant in connection.exec_driver_sql(_GRANTS, names).scalars().all():
        run(connection, grant)
