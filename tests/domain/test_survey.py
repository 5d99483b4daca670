"""Surveys that were sent, and what was made of texts: invariants of their deciders."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace
from pydantic import ValidationError

from given import NOW, Given, given
from regulars.crm_domain.assessment import ASSESSMENT, AssessmentRecorded, RecordAssessment
from regulars.crm_domain.command import Context
from regulars.crm_domain.survey import RecordSurveyBounced, RecordSurveySent, SurveyBounced, SurveySent

YESTERDAY = datetime(2026, 2, 28, tzinfo=UTC)

SEND = RecordSurveySent(customer="shop:1", survey_id="S-1", survey="nps", channel="email")
SENT = SurveySent(survey_id="S-1", survey="nps", channel="email")
BOUNCE = RecordSurveyBounced(survey_id="S-1")
BOUNCED = SurveyBounced(survey_id="S-1")

ASSESS = RecordAssessment(about="7", kind="sentiment", value="negative", model="mood", version="3")
ASSESSED = AssessmentRecorded(about=7, said_at=5, kind="sentiment", value="negative", model="mood", version="3")


def test_what_was_sent_is_written_down_and_the_same_again_changes_nothing() -> None:
    given().when(SEND).then(SENT)
    given(SENT).when(SEND).then_nothing()
    given(SENT).when(SEND.model_copy(update={"occurred_at": YESTERDAY})).then_nothing()


@pytest.mark.parametrize("other", [{"survey": "csat"}, {"channel": "sms"}, {"ticket_id": "T-1"}])
def test_the_same_id_with_other_content_is_refused(other: dict[str, str]) -> None:
    given(SENT).when(SEND.model_copy(update=other)).then_rejected("survey_id_taken")


def test_only_what_was_sent_comes_back_undelivered() -> None:
    given().when(BOUNCE).then_rejected("unknown_survey")  # which an import tells again
    given(SENT).when(BOUNCE).then(BOUNCED)


def test_what_bounced_already_is_written_down_again_only_with_its_time() -> None:
    given(SENT, BOUNCED).when(BOUNCE).then_nothing()
    given(SENT, BOUNCED).when(BOUNCE.model_copy(update={"occurred_at": YESTERDAY})).then(BOUNCED)


WRONG = (
    *({"about": about} for about in ("0", "-7", "seven", True)),
    *({"kind": kind} for kind in ("", "Very long sentence")),
    *({"value": value} for value in ("", "Ada was cross", "-0.8")),
)


def with_a_text(*events: AssessmentRecorded) -> Given:
    return Given(events=events, context=Context(now=NOW, said_at=5), decider=ASSESSMENT)


def test_what_was_made_of_a_text_is_written_down_with_when_it_was_said() -> None:
    with_a_text().when(ASSESS).then(ASSESSED)


def test_what_the_same_version_said_last_changes_nothing_unless_it_has_a_time() -> None:
    with_a_text(ASSESSED).when(ASSESS).then_nothing()
    with_a_text(ASSESSED).when(ASSESS.model_copy(update={"occurred_at": YESTERDAY})).then(ASSESSED)
    positive = replace(ASSESSED, value="positive")
    with_a_text(ASSESSED, positive).when(ASSESS).then(ASSESSED)


def test_another_version_says_its_own_word_even_if_it_is_the_same() -> None:
    with_a_text(ASSESSED).when(ASSESS.model_copy(update={"version": "4"})).then(replace(ASSESSED, version="4"))
    by_hand = ASSESS.model_copy(update={"model": None, "version": None})
    with_a_text(ASSESSED).when(by_hand).then(replace(ASSESSED, model=None, version=None))


def test_where_there_is_no_text_there_is_nothing_to_assess() -> None:
    given().when(ASSESS).then_rejected("unknown_text")


@pytest.mark.parametrize("wrong", WRONG)
def test_kinds_and_values_are_words_and_what_is_assessed_a_position(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RecordAssessment.model_validate({"about": 7, "kind": "sentiment", "value": "negative"} | wrong)


def test_a_position_may_be_a_number() -> None:
    assert RecordAssessment.model_validate({"about": 7, "kind": "sentiment", "value": "negative"}).about == "7"
