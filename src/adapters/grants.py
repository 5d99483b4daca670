"""Grants on PostgreSQL: who may do something with one table may do it with another that takes its place."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from adapters.statements import run

# A table without grants has those of its owner, who may not be whoever made the other one.
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


def pass_on_grants(connection: Connection, source: str, target: str) -> None:
    """Grant on a table or view, which this role owns, whatever is granted on another, the rights of its owner included.

    Nothing is taken away. On SQLite there is nothing to grant.
    """
    if connection.dialect.name != "postgresql":
        return
    names = {"source": f'"{source}"', "target": f'"{target}"'}
    for grant in connection.exec_driver_sql(_GRANTS, names).scalars().all():
        run(connection, grant)
