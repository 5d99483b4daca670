"""Batches between being worked out and being written: on disk where they are many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from tempfile import SpooledTemporaryFile
from typing import Self

from msgspec import msgpack

from regulars.changes.difference import Untold

BATCH = 1_000
IN_MEMORY = 4 * 1024**2

_LENGTH = 8
_encode = msgpack.Encoder().encode
decode_batch = msgpack.Decoder(list[Untold]).decode


class Spool:
    """Changes as encoded batches; nothing in them is personal. Use it in a `with` block."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile[bytes](IN_MEMORY)
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def take(self, changes: Iterable[Untold]) -> None:
        """Take in changes, to the last one."""
        batch: list[Untold] = []
        for change in changes:
            batch.append(change)
            if len(batch) == BATCH:
                self._keep(batch)
                batch = []
        if batch:
            self._keep(batch)

    def batches(self) -> Iterator[bytes]:
        """The batches in order, from the first one on."""
        self._file.seek(0)
        while length := self._file.read(_LENGTH):
            yield self._file.read(int.from_bytes(length, "big"))

    def _keep(self, batch: list[Untold]) -> None:
        encoded = _encode(batch)
        self._file.write(len(encoded).to_bytes(_LENGTH, "big"))
        self._file.write(encoded)
        self.count += 1
