"""A job on Spark over an archive: the events up to a position, family by family, through one function.

Each partition of the archive is read by one task, which sorts its runs together; nothing is sent from one to another.
Families of merged customers, whose events may be in several partitions, are collected by one task of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial, reduce
from typing import TYPE_CHECKING, Any

import msgspec

from regulars.adapters.archive.reading import Archive
from regulars.adapters.cluster.folding import WANTED, ClusterTask
from regulars.adapters.cluster.session import reasons_in, shared_folder
from regulars.adapters.indexes.links import families_of
from regulars.adapters.read_models.replay import EVERYONE, Range
from regulars.crm_domain.errors import StoreUnusable

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

#: What a task of the cluster is given and gives back: the task, and the Arrow batches of some families.
OnBatches = Callable[[bytes, Iterable[Any]], Iterator[Any]]

_IN = "position long, stream_id string, version long, customer_id string, type string, occurred_at long, payload binary"


def job(
    session: SparkSession,
    archive: Archive,
    task: ClusterTask,
    on_batches: OnBatches,
    given_back: str,
    *,
    until: int,
    wanted: Range = EVERYONE,
) -> DataFrame:
    """What a function gives back for the families of a range, with their events up to a position."""
    packed = msgspec.msgpack.encode(task)
    found = _events(session, archive, task.links, until, wanted)
    return found.mapInArrow(partial(on_batches, packed), given_back)


def _events(session: SparkSession, archive: Archive, links: dict[str, str], until: int, wanted: Range) -> DataFrame:
    from pyspark.sql.functions import broadcast, col

    by_partition: dict[int, list[str]] = {}
    for run, file, path in archive.files():
        if run.after < until:
            by_partition.setdefault(file.partition, []).append(shared_folder(path))
    families = families_of(links)
    roots = sorted((each, root) for root in families.others for each in families.members(root))
    merged = broadcast(session.createDataFrame(roots, "customer_id string, root string")) if roots else None
    alone, together = [], []
    for partition in sorted(by_partition):
        read = session.read.schema(_IN).parquet(*by_partition[partition]).where(col("position") <= until)
        theirs = read if merged is None else read.join(merged.select("customer_id"), "customer_id", "left_anti")
        in_range = _within(theirs.withColumn("root", col("customer_id")), wanted)
        alone.append(_sorted(in_range.select(*WANTED).coalesce(1)))
        if merged is not None:
            together.append(_within(read.join(merged, "customer_id"), wanted).select(*WANTED))
    if together:
        alone.append(_sorted(reduce(_union, together).repartition(1)))
    return reduce(_union, alone)


def _sorted(events: DataFrame) -> DataFrame:
    return events.sortWithinPartitions("root", "occurred_at", "position")


def _union(some: DataFrame, others: DataFrame) -> DataFrame:
    return some.union(others)


def _within(events: DataFrame, wanted: Range) -> DataFrame:
    from pyspark.sql.functions import col

    if wanted.after:
        events = events.where(col("root") > wanted.after)
    if wanted.last:
        events = events.where(col("root") <= wanted.last)
    return events


def carried_out(action: Callable[[], Any]) -> Any:
    """The result of an action of Spark. Raises StoreUnusable, with what Spark says of it, where it fails."""
    try:
        return action()
    except Exception as error:  # of Py4J, of Java or of PySpark, each with a text of its own
        reason = next(iter(reasons_in(str(error))), type(error).__name__)
        raise StoreUnusable(f"the cluster couldn't fold the archive: {reason}") from error
