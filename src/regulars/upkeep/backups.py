"""Backups of a store: one now, or one each day at an hour, of which the last few are kept.

1. Those that are planned lie in a folder beside the store, `NAME-backups`, named by the time of each.
2. One is due once the hour has come since the last attempt and since it was planned; whoever serves the store makes it.
3. An attempt is noted before it begins, so that two processes make one, and one that fails waits for the next day.
4. Older ones than the last few are deleted after a new one is complete: none is, while they fail.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec import Struct

from regulars.adapters.checking.records import check_sample
from regulars.adapters.checking.result import RecordCheck
from regulars.adapters.moving.backup import backup
from regulars.adapters.store.kept_values import keep_value, read_value
from regulars.adapters.store.store import Store
from regulars.crm_domain.errors import RegularsError, StoreUnusable
from regulars.crm_domain.instant import to_datetime
from regulars.session.session import Session

MOST_KEPT = 366
_PLAN, _LAST = "backup_plan", "backup_last"


class BackupPlan(Struct, frozen=True, kw_only=True):
    """A backup each day at an hour of the business's zone, of which the last `keep` are kept; planned `since`."""

    hour: int
    keep: int
    since: datetime


class BackupMade(Struct, frozen=True, kw_only=True):
    """The last attempt that was planned: when it began, the `file` and its size in bytes, or a sentence on the
    `problem`. One that was interrupted has neither.
    """

    at: datetime
    file: str | None = None
    size: int | None = None
    problem: str | None = None


class KeptBackup(Struct, frozen=True, kw_only=True):
    """A file in the folder of backups: its name, and its size in bytes."""

    name: str
    size: int


class Backups:
    """The planned backups of one store. Get it from `Regulars.backups`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._store = session.store

    @property
    def folder(self) -> Path | None:
        """Where they lie; None for a store on PostgreSQL, which is backed up with pg_dump, and for one in memory."""
        files = self._store.database.files()
        return files[0].with_name(f"{files[0].name}-backups") if files else None

    @property
    def plan(self) -> BackupPlan | None:
        """What is planned, if anything."""
        with self._store.reading() as tx:
            return read_value(self._store, tx.connection, _PLAN, BackupPlan)

    @property
    def last(self) -> BackupMade | None:
        """The last attempt, if there was one."""
        with self._store.reading() as tx:
            return read_value(self._store, tx.connection, _LAST, BackupMade)

    def schedule(self, *, hour: int, keep: int) -> BackupPlan:
        """Plan a backup each day at an hour, 0 to 23, and keep the last 1 to 366 of them.

        Raises ValueError for other numbers, StoreUnusable for a store that is no file.
        """
        if not (0 <= hour <= 23 and 1 <= keep <= MOST_KEPT):
            raise ValueError(f"a backup is planned at an hour from 0 to 23, and 1 to {MOST_KEPT} are kept")
        self._folder()
        plan = BackupPlan(hour=hour, keep=keep, since=self._now())
        with self._store.writing() as tx:
            keep_value(self._store, tx.connection, _PLAN, plan)
        return plan

    def unschedule(self) -> None:
        """Plan none any more; those that were made stay."""
        with self._store.writing() as tx:
            keep_value(self._store, tx.connection, _PLAN, None)

    def kept(self) -> tuple[KeptBackup, ...]:
        """The backups in the folder, the newest first."""
        folder = self.folder
        found = (
            [] if folder is None or not folder.is_dir() else [each for each in folder.iterdir() if self._is_ours(each)]
        )
        return tuple(
            KeptBackup(name=each.name, size=each.stat().st_size)
            for each in sorted(found, key=lambda each: each.name, reverse=True)
        )

    def make(self) -> BackupMade:
        """Make one now, beside those that are planned. Raises StoreUnusable as `Regulars.backup`."""
        now, folder = self._now(), self._folder()
        folder.mkdir(mode=0o700, exist_ok=True)
        files = self._store.database.files()
        target = folder / f"{files[0].stem}-{now:%Y-%m-%dT%H%M%S}Z.db"
        check = back_up(self._store, target)
        wrong = None if check.holds else f"{check.wrong} records of a sample aren't as the log says"
        return BackupMade(at=now, file=target.name, size=target.stat().st_size, problem=wrong)

    def make_if_due(self, zone: ZoneInfo) -> BackupMade | None:
        """Make the one that is due and delete what is older than those to be kept; None where none is due.

        What goes wrong is noted in `last`, and not raised.
        """
        plan = self._claimed(zone)
        if plan is None:
            return None
        try:
            made = self.make()
            for each in self.kept()[plan.keep :]:
                (self._folder() / each.name).unlink(missing_ok=True)
        except (RegularsError, OSError) as error:
            made = BackupMade(at=self._now(), problem=str(error))
        with self._store.writing() as tx:
            keep_value(self._store, tx.connection, _LAST, made)
        return made

    def _claimed(self, zone: ZoneInfo) -> BackupPlan | None:
        """The plan, where one is due that no other process makes; the attempt is noted."""
        now = self._now()
        plan, last = self.plan, self.last
        if plan is None or not _is_due(plan, last, now, zone):
            return None
        with self._store.writing() as tx:
            self._store.exclude_others(tx.connection)
            last = read_value(self._store, tx.connection, _LAST, BackupMade)
            if not _is_due(plan, last, now, zone):
                return None
            keep_value(self._store, tx.connection, _LAST, BackupMade(at=now))
        return plan

    def _folder(self) -> Path:
        if self.folder is None:
            raise StoreUnusable("a store on PostgreSQL is backed up with pg_dump, which is made for that")
        return self.folder

    def _now(self) -> datetime:
        return to_datetime(self._session.now())

    def _is_ours(self, path: Path) -> bool:
        stem = re.escape(self._store.database.files()[0].stem)
        return re.fullmatch(rf"{stem}-\d{{4}}-\d\d-\d\dT\d{{6}}Z\.db", path.name) is not None and path.is_file()


def back_up(store: Store, target: Path) -> RecordCheck:
    """Copy a store to a new file, after erasing what is still to be erased; a check of a sample of its records."""
    if store.is_erasing and not store.database.read_only:
        store.destroy_traces(patience=0)
    backup(store, target)
    return check_sample(store)


def _is_due(plan: BackupPlan, last: BackupMade | None, now: datetime, zone: ZoneInfo) -> bool:
    local = now.astimezone(zone)
    planned = local.replace(hour=plan.hour, minute=0, second=0, microsecond=0)
    if planned > local:
        planned -= timedelta(days=1)
    return planned > max(plan.since, plan.since if last is None else last.at)
