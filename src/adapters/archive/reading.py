"""Reading an archive: its runs follow one another, and every file is as it was written, or it is refused."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from regulars.adapters.archive.manifest import MANIFEST, Manifest, RunFile, name_of_run
from regulars.adapters.archive.parquet import COLUMNS, arrow
from regulars.crm_domain.errors import NotFound, StoreUnusable

_RUN = re.compile(r"run-([0-9]{6,})")
_manifests = msgspec.json.Decoder(Manifest)


class Archive(Struct, frozen=True):
    """An archive: its folder, and the manifests of its runs in order."""

    folder: Path
    runs: tuple[Manifest, ...]

    @property
    def last(self) -> Manifest:
        """The manifest of the last run."""
        return self.runs[-1]

    @property
    def until(self) -> int:
        """The last position that it has; 0 for an empty one."""
        return self.runs[-1].until if self.runs else 0

    def links(self, until: int) -> dict[str, str]:
        """The links of merged customers as of a position: who was merged, into whom."""
        return {each.customer_id: each.into_id for run in self.runs[-1:] for each in run.links if each.holds(until)}

    def files(self, after: int = 0) -> Iterator[tuple[Manifest, RunFile, Path]]:
        """Every file of a run with events after a position, with its run and its path, in order of runs."""
        for run in self.runs:
            if run.until > after:
                for each in run.files:
                    yield run, each, self.folder / name_of_run(run.run) / each.name


def read_runs(folder: Path) -> Archive:
    """The archive in a folder, by its manifests alone; an empty one where there is none yet.

    Raises StoreUnusable where a run is missing, or a manifest can't be read.
    """
    if folder.exists() and not folder.is_dir():
        raise StoreUnusable(f"{folder} is no folder, and an archive is one")
    names = os.listdir(folder) if folder.exists() else []
    found = sorted((int(match[1]), name) for name in names if (match := _RUN.fullmatch(name)))
    runs: list[Manifest] = []
    for number, name in found:
        run = _manifest(folder / name / MANIFEST)
        _require_next(folder, runs, number, run)
        runs.append(run)
    return Archive(folder, tuple(runs))


def read_archive(folder: str | os.PathLike[str]) -> Archive:
    """The archive in a folder, with every file as its manifest says.

    Raises NotFound where there is none; StoreUnusable where a run or a file is missing, cut off or changed.
    """
    archive = read_runs(Path(folder))
    if not archive.runs:
        raise NotFound(f"there is no archive in {os.fspath(folder)}; `regulars archive` makes one")
    for _, file, path in archive.files():
        _require_as_written(file, path)
    return archive


def read_rows(archive: Archive, after: int) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of COLUMNS at positions after one, some thousands at a time, in no order."""
    parquet = arrow().parquet
    for _, _, path in archive.files(after):
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=list(COLUMNS)):
                columns = [column.to_pylist() for column in batch.columns]
                yield [row for row in zip(*columns, strict=True) if row[0] > after]


def _manifest(path: Path) -> Manifest:
    try:
        return _manifests.decode(path.read_bytes())
    except FileNotFoundError:
        raise StoreUnusable(f"{path} is missing, without which nobody knows what its run has") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreUnusable(f"{path} is no manifest of an archive: {error}") from None
    except OSError as error:
        raise StoreUnusable(f"{path} can't be read: {error.strerror or error}") from None


def _require_next(folder: Path, before: list[Manifest], number: int, run: Manifest) -> None:
    expected, ended = len(before) + 1, before[-1].until if before else 0
    if number != expected:
        raise StoreUnusable(
            f"{folder / name_of_run(expected)} is missing: the archive has events up to #{ended}, and the next run it "
            f"has, {name_of_run(number)}, begins after #{run.after}"
        )
    if run.run != number or run.after != ended or run.until <= run.after:
        raise StoreUnusable(
            f"{folder / name_of_run(number)} doesn't follow the run before it: that one ends at event #{ended}, and "
            f"its manifest is of run {run.run}, from #{run.after + 1} to #{run.until}"
        )
    if before and (run.store, run.partitions) != (before[0].store, before[0].partitions):
        raise StoreUnusable(f"{folder / name_of_run(number)} is of another archive than the runs before it")


def _require_as_written(file: RunFile, path: Path) -> None:
    try:
        with path.open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
    except FileNotFoundError:
        raise StoreUnusable(f"{path} is missing: partition {file.partition}, with {file.events:,} events") from None
    except OSError as error:
        raise StoreUnusable(f"{path} can't be read: {error.strerror or error}") from None
    if found != file.sha256:
        raise StoreUnusable(
            f"{path} isn't the file that was archived: its SHA-256 is {found[:12]}…, and was {file.sha256[:12]}…; "
            "it was cut off or changed"
        )
