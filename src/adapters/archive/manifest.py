"""The manifest of a run: what it added to an archive, by which every file is checked when it is read.

1. An archive is a folder. Each run adds a folder `run-000001`, with a file for each partition that has events, and the
   manifest. It gets this name once all of it is written, so there is no run without a manifest.
2. A run has the events at positions in (after, until], and the next one begins where it ends.
3. An event is in the partition of its own customer: the CRC-32 of the id's UTF-8 bytes modulo the number of partitions.
   Who a customer was merged into changes nothing, so a merge moves no event; the links stand in the manifest.
"""

from __future__ import annotations

import zlib
from typing import Annotated

from msgspec import Meta, Struct

from regulars.adapters.extensions.extended import Needed

#: Whatever reads a folder of Parquet files passes over names that begin so.
MANIFEST = "_manifest.json"
FORMAT = 1
MOST_PARTITIONS = 256

Count = Annotated[int, Meta(ge=0)]


class RunFile(Struct, frozen=True, kw_only=True):
    """A Parquet file of a run: its partition, how many events it has, and its SHA-256 as hexadecimal digits."""

    name: Annotated[str, Meta(pattern=r"^part-[0-9]{3}\.parquet$")]
    partition: Count
    events: Count
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class Link(Struct, frozen=True, kw_only=True):
    """A link between merged customers, which holds from one position up to another."""

    customer_id: str
    into_id: str
    merged_at: int
    undone_at: int | None

    def holds(self, until: int) -> bool:
        """Whether it holds as of a position."""
        return self.merged_at <= until and (self.undone_at is None or self.undone_at > until)


class Manifest(Struct, frozen=True, kw_only=True):
    """What a run added: the events at positions in (after, until].

    `store` tells one store's archives from another's. `links` are those of all merges up to `until`, undone ones
    included; `currency` and `needs`, the extensions that the store names, are as of then. `last_event` is the digest of
    the event at `until`.
    """

    format: Annotated[int, Meta(ge=FORMAT, le=FORMAT)] = FORMAT
    store: str
    run: Annotated[int, Meta(ge=1)]
    partitions: Annotated[int, Meta(ge=1, le=MOST_PARTITIONS)]
    after: Count
    until: Annotated[int, Meta(ge=1)]
    events: Count
    last_event: str
    files: tuple[RunFile, ...]
    links: tuple[Link, ...]
    currency: str | None
    needs: tuple[Needed, ...]


def name_of_run(run: int) -> str:
    """The name of a run's folder."""
    return f"run-{run:06d}"


def partition_of(customer_id: str, partitions: int) -> int:
    """The partition of a customer's events."""
    return zlib.crc32(customer_id.encode()) % partitions
