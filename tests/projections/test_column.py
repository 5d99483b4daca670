"""A verdict's fields are columns: what can't be one is refused when the projector is made."""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import Any, Literal

import pytest
from msgspec import Struct, defstruct
from msgspec.structs import replace

from regulars.projections.engine.column import Column, columns_of
from regulars.projections.engine.projector import Key
from regulars.projections.registry import PROJECTORS
from regulars.projections.ticket_queue.projector import TICKET_QUEUE


class Mood(Enum):
    """Words."""

    GOOD = "good"
    BAD = "bad"


class Level(IntEnum):
    """Numbers."""

    LOW = 1


@pytest.mark.parametrize(
    ("held", "kind", "nullable"),
    [
        (str, "text", False),
        (str | None, "text", True),
        (Mood, "text", False),
        (Mood | None, "text", True),
        (Literal["a", "b"], "text", False),
        (Literal["a", None], "text", True),
        (int, "number", False),
        (int | None, "number", True),
    ],
)
def test_words_are_text_and_numbers_are_numbers(held: Any, kind: Any, nullable: bool) -> None:
    verdict = defstruct("Held", [("mood", held)], frozen=True)
    assert columns_of(verdict) == (Column(name="mood", kind=kind, nullable=nullable),)
    assert replace(TICKET_QUEUE, verdict=verdict).verdict is verdict


@pytest.mark.parametrize(
    "held",
    [float, bool, bytes, list[str], dict[str, int], tuple[int, ...], str | int, Level, Literal[1], None, Any, Struct],
)
def test_a_field_that_cannot_be_a_column_is_refused_and_named(held: Any) -> None:
    verdict = defstruct("Held", [("status", str), ("mood", held)], frozen=True)
    said = 'the projection "ticket_queue" can\'t be stored: the field "mood" of Held can\'t be a column: expected text'
    with pytest.raises(ValueError, match=said):
        replace(TICKET_QUEUE, verdict=verdict)


@pytest.mark.parametrize("name", ["customer", "customer_id", "valid_from", "valid_to", "booking_id"])
def test_a_field_that_is_called_as_another_column_is_refused(name: str) -> None:
    verdict = defstruct("Held", [(name, str)], frozen=True)
    key = Key(name="booking_id", of=str, facts=lambda facts, key: facts)
    with pytest.raises(ValueError, match=f'the field "{name}" of Held can\'t be a column: its table has one'):
        replace(TICKET_QUEUE, verdict=verdict, key=key)


def test_a_verdict_is_frozen_and_holds_something() -> None:
    with pytest.raises(ValueError, match="Held is no verdict: it isn't frozen"):
        replace(TICKET_QUEUE, verdict=defstruct("Held", [("mood", str)]))
    with pytest.raises(ValueError, match="Held is no verdict: it has no field"):
        replace(TICKET_QUEUE, verdict=defstruct("Held", [], frozen=True))


def test_the_columns_of_ours_are_their_verdicts_fields() -> None:
    for projector in PROJECTORS:
        assert [each.name for each in columns_of(projector.verdict)] == list(projector.verdict.__struct_fields__)
