"""A fold as it is kept between two runs: MessagePack and a checksum, or a ValueError for what is damaged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from types import GenericAlias
from typing import Any, TypeVar
from zlib import crc32

from msgspec import DecodeError, Struct, ValidationError, convert
from msgspec.msgpack import Decoder, Encoder
from msgspec.structs import replace

from regulars.projections.engine.fold import Folded, Track, Tracks
from regulars.projections.engine.projector import Projector, RuledKey
from regulars.projections.facts.fact_set import FactSet
from regulars.projections.facts.shared import Facts

_T = TypeVar("_T")


class _Taken(Struct, array_like=True):
    """What is stored of the facts: they, and the last event that they know of."""

    facts: Facts
    last_at: int | None
    last_position: int


def dump_facts(folded: Folded) -> bytes:
    """The shared facts of a fold to go on with later: MessagePack, and the CRC-32 of that, as most damage leaves
    MessagePack behind.
    """
    return _sealed(_Taken(_known(folded.facts), folded.last_at, folded.last_position))


def load_facts(data: bytes) -> Folded:
    """The fold whose shared facts `dump_facts` wrote, without anything else. Raises ValueError for anything else."""
    taken = _opened(_TAKEN, data)
    return Folded(facts=taken.facts, last_at=taken.last_at, last_position=taken.last_position)


def dump_own(folded: Folded, fact_set: FactSet) -> bytes:
    """The facts of another set to go on with later, as `dump_facts` does it."""
    return _sealed(folded.facts_of(fact_set))


def loading_own(fact_set: FactSet) -> Callable[[bytes], Any]:
    """A function that returns the facts of a set that `dump_own` wrote, for `Folded.own`. It raises ValueError for
    anything else.
    """
    return partial(_opened, Decoder(fact_set.beginning))


def dump_tracks(tracks: Tracks) -> bytes:
    """One projector's tracks to go on with later, as `dump_facts` does it."""
    return _sealed(tracks)


def loading_tracks(projector: Projector) -> Callable[[bytes], Tracks]:
    """A function that returns the tracks of a projector that `dump_tracks` wrote. It raises ValueError for anything
    else.
    """
    track: Any = Track
    tracks: Any = GenericAlias(dict, (str, track[_kinds_of(projector)]))
    return partial(_opened, Decoder(tracks))


def dump(folded: Folded) -> bytes:
    """A whole fold to go on with later, as `dump_facts` does it: the same bytes, whatever happened first."""
    own, tracks = dict(sorted(folded.own.items())), dict(sorted(folded.tracks.items()))
    return _sealed(replace(folded, facts=_known(folded.facts), own=own, tracks=tracks))


def _known(facts: Facts) -> Facts:
    """Facts without what is worked out of them by some rules."""
    if facts.buying_days is None is facts.service_spans:
        return facts
    return replace(facts, buying_days=None, service_spans=None)


def load(data: bytes, projectors: Sequence[Projector]) -> Folded:
    """The fold that `dump` wrote for some of these projectors. Raises ValueError for anything else."""
    folded = _opened(_FOLDED, data)
    for projector in projectors:
        standing, verdict = _kinds_of(projector)
        for track in folded.tracks.get(projector.name, {}).values():
            track.standing = _as(track.standing, standing)
            track.verdict = _as(track.verdict, verdict)
        if projector.facts.name in folded.own:
            folded.own[projector.facts.name] = _as(folded.own[projector.facts.name], projector.facts.beginning)
    return folded


def _sealed(value: object) -> bytes:
    packed = _encode(value)
    return packed + _checksum(packed)


def _opened(decoder: Decoder[_T], data: bytes) -> _T:
    packed = data[:-_CHECKSUM_BYTES]
    if data[-_CHECKSUM_BYTES:] != _checksum(packed):
        raise ValueError("the checksum of a stored fold is not that of the fold")
    try:
        return decoder.decode(packed)
    except DecodeError as error:
        raise ValueError(f"a stored fold can't be decoded: {error}") from None


def _kinds_of(projector: Projector) -> tuple[Any, Any]:
    """The kinds of the standing and of the verdict that a projector's tracks hold."""
    verdict: Any = projector.standing if isinstance(projector.key, RuledKey) else projector.verdict
    return projector.standing, verdict | None


def _as(stored: Any, kind: Any) -> Any:
    try:
        return convert(stored, kind)
    except ValidationError as error:
        raise ValueError(f"a stored fold can't be decoded: {error}") from None


_CHECKSUM_BYTES = 4
_TAKEN = Decoder(_Taken)
_FOLDED = Decoder(Folded)
_encode = Encoder().encode


def _checksum(packed: bytes) -> bytes:
    return crc32(packed).to_bytes(_CHECKSUM_BYTES, "big")
