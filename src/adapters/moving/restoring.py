"""Restoring a backup, and reading the lists of customers who were forgotten since."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import cast

import sqlalchemy as sa

from regulars.adapters.checking.soundness import require_sound
from regulars.adapters.log.codec import CODECS, codec_of, tags_of
from regulars.adapters.schema.tables import common_schema
from regulars.adapters.sql.database import Database, parse_url
from regulars.adapters.sql.sqlite_file import MAGIC, require_nothing_beside
from regulars.adapters.store.store import require_store
from regulars.adapters.whole_files import whole_file
from regulars.crm_domain.customer import PersonalDataErased
from regulars.crm_domain.errors import NotFound, StoreUnusable

Target = str | os.PathLike[str]

_ID = re.compile(r"(?:id:)?([0-9a-f]{32})(?![0-9A-Za-z])")


@contextmanager
def restoring(backup: Target, target: Path) -> Iterator[Path]:
    """A copy of a backup under a temporary name; it is renamed to the target at the end of the block, or deleted where
    that fails.

    Raises StoreUnusable for a file that is no backup, for a damaged one, and where the target exists.
    """
    if not parse_url(backup).get_backend_name() == "sqlite":
        raise StoreUnusable("a backup is a file; PostgreSQL's own tools restore what pg_dump made")
    require_store(backup)
    with whole_file(target) as unfinished:
        require_nothing_beside(target)
        _copy(backup, unfinished)
        yield unfinished


def _copy(backup: Target, target: Path) -> None:
    with closing(Database(backup, read_only=True)) as database, database.reading() as connection:
        source = connection.connection.driver_connection
        assert isinstance(source, sqlite3.Connection)
        with closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
            require_sound(copy, f"{os.fspath(backup)} is damaged, and was not restored")


# --------------------------------------------------------------------------------------------------- who was forgotten


def read_list(source: Target) -> dict[str, str | None]:
    """The ids of forgotten customers, with the reasons where they are known: from a store, or from a list.

    A store is a file or a URL. A list is text with an id at the beginning of each line, or the output of `regulars
    forgotten --json`. Raises NotFound for a missing file, StoreUnusable for a line that doesn't begin with an id.
    """
    if not _is_store(source):
        return dict(_listed(Path(source)))
    require_store(source)
    with closing(Database(source, read_only=True)) as database, database.reading() as connection:
        events = common_schema(is_sqlite=database.is_sqlite).events
        wanted = sa.select(events.c.customer_id, events.c.type, events.c.payload).order_by(events.c.position)
        rows = connection.execute(wanted.where(events.c.type.in_(tags_of([PersonalDataErased], CODECS)))).all()
    erasures = ((row.customer_id, codec_of(row.type, CODECS).decode(row.payload)) for row in rows)
    return {customer_id: cast("PersonalDataErased", event).cause for customer_id, event in erasures}


def _is_store(source: Target) -> bool:
    if "://" in os.fspath(source):
        return True
    if not Path(source).exists():
        raise NotFound(f"there is neither a store nor a list at {os.fspath(source)}")
    with Path(source).open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def _listed(path: Path) -> Iterator[tuple[str, str | None]]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise StoreUnusable(f"{path} is neither a store nor a list of ids") from None
    if text.lstrip().startswith("["):
        yield from _objects(path, text)
        return
    for number, line in enumerate(text.splitlines(), start=1):
        found = _ID.match(line.strip())
        if found:
            yield found[1], None
        elif line.strip():
            raise StoreUnusable(f"line {number} of {path} begins with no id of a customer, such as id:0123…")


def _objects(path: Path, text: str) -> Iterable[tuple[str, str | None]]:
    try:
        return [(_ID.fullmatch(each["id"])[1], each["reason"]) for each in json.loads(text)]  # type: ignore[index]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise StoreUnusable(f"{path} is not what `regulars forgotten --json` prints") from None
