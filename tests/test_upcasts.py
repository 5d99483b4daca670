"""An event of a retired type is read as the current one by everybody, with what is personal, and is never written."""

from __future__ import annotations

from typing import Any, cast

import hypothesis
import msgspec
import pytest
from hypothesis import strategies as st

from regulars.adapters.log.appending import Columns
from regulars.adapters.log.codec import CODECS, codecs, tags_of
from regulars.adapters.log.event_log import EnvelopeMapper
from regulars.adapters.read_models.histories import to_happened
from regulars.adapters.vault.cipher import Cipher, new_key
from regulars.crm_domain.catalogue import EVENTS
from regulars.crm_domain.event import Event, Personal, Recorded
from regulars.crm_domain.interaction import NoteAdded, SurveyAnswered
from regulars.crm_domain.upcasts import Upcast
from regulars.projections.facts.shared import HANDLES

# Made up: surveys once had a type each, and before that a score in tenths and another word for the comment.


class NpsAnswered(Event, frozen=True, kw_only=True, tag="NpsAnswered"):
    comment: Personal[str] = None
    score: int


class Recommended(Event, frozen=True, kw_only=True, tag="Recommended"):
    words: Personal[str] = None
    tenths: int


NPS = Upcast(
    retired=NpsAnswered,
    successor=SurveyAnswered,
    read=lambda old: SurveyAnswered(survey="nps", score=old.score, comment=old.comment),
)
RECOMMENDED = Upcast(
    retired=Recommended,
    successor=NpsAnswered,
    read=lambda old: NpsAnswered(score=old.tenths // 10, comment=old.words),
)
KNOWN = codecs(EVENTS.values(), (NPS, RECOMMENDED))

KEY = Cipher(new_key())
ENVELOPE: dict[str, Any] = {
    "position": 7,
    "stream_id": "a-stream",
    "version": 1,
    "category": "interaction",
    "customer_id": "a-customer",
    "occurred_at": 1_000,
    "recorded_at": 2_000,
    "actor": "li",
    "correlation_id": None,
    "causation_id": None,
    "command_id": None,
}

each_stored = pytest.mark.parametrize(
    ("tag", "payload", "plain"),
    [
        ("SurveyAnswered", b'{"type":"SurveyAnswered","survey":"nps","score":9}', b'{"comment":"lovely"}'),
        ("NpsAnswered", b'{"type":"NpsAnswered","score":9}', b'{"comment":"lovely"}'),
        ("Recommended", b'{"type":"Recommended","tenths":90}', b'{"words":"lovely"}'),
    ],
    ids=["current", "retired", "retired-twice"],
)
EXPECTED = SurveyAnswered(survey="nps", score=9, comment="lovely")
FORGOTTEN = SurveyAnswered(survey="nps", score=9)


def a_row(tag: str, payload: bytes, plain: bytes) -> Columns:
    """A row as an earlier version wrote it."""
    secret = KEY.seal(plain, b"a-stream:1")
    return {**ENVELOPE, "type": tag, "payload": payload, "secret": secret}


def read(row: Columns, *, remembered: bool) -> Recorded[Event]:
    mapper = EnvelopeMapper(KNOWN, {"a-customer": KEY} if remembered else {})
    return mapper.recorded(row)


# ------------------------------------------------------------------------------------------------------------ reading


@each_stored
def test_what_was_stored_is_read_as_the_current_type_with_what_is_personal(
    tag: str, payload: bytes, plain: bytes
) -> None:
    with_reason = plain[:-1] + b',"reason":"she called us"}'
    recorded = read(a_row(tag, payload, with_reason), remembered=True)
    assert recorded == Recorded(event=EXPECTED, reason="she called us", **ENVELOPE)


@each_stored
def test_of_who_was_forgotten_the_rest_is_read_all_the_same(tag: str, payload: bytes, plain: bytes) -> None:
    assert read(a_row(tag, payload, plain), remembered=False).event == FORGOTTEN


@each_stored
def test_what_was_stored_is_folded_as_the_current_type(tag: str, payload: bytes, plain: bytes) -> None:
    columns = a_row(tag, payload, plain)
    row = [columns[name] for name in ("position", "stream_id", "customer_id", "occurred_at", "type", "payload")]
    happened = to_happened(row, ("a-customer",), KNOWN, HANDLES)
    assert happened is not None
    assert (happened.event, happened.at, happened.position) == (FORGOTTEN, 1_000, 7)


def test_whoever_asks_for_a_type_asks_for_every_tag_that_is_read_as_it() -> None:
    assert tags_of([SurveyAnswered], KNOWN) == {"SurveyAnswered", "NpsAnswered", "Recommended"}
    assert tags_of(HANDLES, KNOWN) - tags_of(HANDLES, CODECS) == {"NpsAnswered", "Recommended"}
    assert tags_of([NoteAdded], KNOWN) == {"NoteAdded"}


@hypothesis.given(tenths=st.integers(-(2**63), 2**63 - 1), words=st.none() | st.text())
def test_two_steps_are_one_after_the_other(tenths: int, words: str | None) -> None:
    old = Recommended(tenths=tenths, words=words)
    stored = msgspec.json.encode(msgspec.structs.replace(old, words=None))
    event, _ = KNOWN["Recommended"].reveal(stored, msgspec.json.encode({"words": words}))
    assert event == NPS.read(RECOMMENDED.read(old))


# ------------------------------------------------------------------------------------------------------------ writing


@pytest.mark.parametrize("old", [NpsAnswered(score=9), Recommended(tenths=90)], ids=["retired", "retired-twice"])
def test_a_retired_type_is_not_written_any_more(old: Event) -> None:
    recorded = cast("Any", Recorded(event=old, **ENVELOPE))
    with pytest.raises(TypeError, match="SurveyAnswered is written in its place"):
        EnvelopeMapper(KNOWN, {"a-customer": KEY}).row(recorded)


def test_what_is_written_is_what_is_in_the_catalogue() -> None:
    assert {tag for tag, codec in CODECS.items() if not codec.upcasts} == set(EVENTS)
    assert {codec.reads for codec in CODECS.values()} == set(EVENTS.values())


# ------------------------------------------------------------------------------------------------------------- chains


BACK = Upcast(retired=SurveyAnswered, successor=Recommended, read=lambda old: Recommended(tenths=old.score * 10))
ITSELF = Upcast(retired=NpsAnswered, successor=NpsAnswered, read=lambda old: old)
AROUND = Upcast(retired=NpsAnswered, successor=Recommended, read=lambda old: Recommended(tenths=old.score * 10))


@pytest.mark.parametrize(
    ("upcasts", "complaint"),
    [
        ((ITSELF,), "neither written nor retired above"),
        ((AROUND, RECOMMENDED), "neither written nor retired above"),
        ((RECOMMENDED, AROUND), "neither written nor retired above"),
        ((RECOMMENDED, NPS), "neither written nor retired above"),
        ((NPS, RECOMMENDED, BACK), '"SurveyAnswered" is retired, so'),
        ((NPS, NPS), '"NpsAnswered" is retired, so'),
    ],
    ids=["itself", "circle", "the-same-circle", "oldest-first", "retired-and-written", "retired-twice"],
)
def test_a_chain_that_ends_in_nothing_that_is_written_is_refused(
    upcasts: tuple[Upcast[Any, Any], ...], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        codecs(EVENTS.values(), upcasts)
