"""No room, no permission, no lock, and copies that are made meanwhile, in short."""

from __future__ import annotations

from functools import partial

import pytest

from torture.backups import backups_of_files
from torture.conftest import Try
from torture.full_disks import full_disks, small_disks_are_possible
from torture.refusals import locked_databases, lost_permissions


@pytest.mark.parametrize("way", ["small-disk", "limit"])
def test_a_full_disk_loses_nothing_and_work_goes_on(way: str, attempt: Try) -> None:
    if way == "small-disk" and not small_disks_are_possible():
        pytest.skip("this machine lets nobody but root mount a file system")
    attempt(partial(full_disks, way), 2)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_locked_database_is_busy_until_it_is_free(kind: str, postgres_url: str, attempt: Try) -> None:
    attempt(partial(locked_databases, kind, postgres_url), 2)


def test_permission_that_is_lost_and_had_again(attempt: Try) -> None:
    attempt(lost_permissions, 2)


def test_a_backup_while_writers_write_has_what_was_acknowledged(attempt: Try) -> None:
    attempt(backups_of_files, 2)
