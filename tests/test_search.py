"""The search through texts: it finds what plain looking finds, in bounded pages, and nothing of whom was forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import regulars
from regulars import (
    AddNote,
    MergeCustomers,
    NotFound,
    OpenTicket,
    RateTicket,
    RecordChurnReason,
    RecordInteraction,
    RecordPreference,
    RecordSurveyAnswer,
    RegisterCustomer,
    ReplyAsAgent,
    ReplyAsCustomer,
    ResolveTicket,
)
from regulars.asking import search as searching
from regulars.asking.search import excerpt
from saying import NOW, Say
from shops import BEGIN, DAY, EXAMPLES, HOUR, Clock, empty_file, opened


@pytest.fixture
def crm(database_url: str) -> Iterator[regulars.Regulars]:
    """Ada, of whom something was written down in every way there is, a day apart; and Bob, with a note."""
    with opened(database_url, Clock(NOW)) as crm:
        crm.do([RegisterCustomer(ref="ada", name="Ada Oolong"), RegisterCustomer(ref="bob")])
        told = [
            AddNote(customer="ada", text="likes oolong"),
            RecordInteraction(customer="ada", channel="phone", direction="inbound", summary="asked for OOLONG"),
            RecordSurveyAnswer(customer="ada", survey="nps", score=9, comment="more Oolong"),
            OpenTicket(customer="ada", ticket_id="T-1", subject="no oolong"),
            ReplyAsAgent(ticket_id="T-1", message="oolong is on its way"),
            ReplyAsCustomer(ticket_id="T-1", message="the ｏｏｌｏｎｇ came"),
            ResolveTicket(ticket_id="T-1"),
            RateTicket(ticket_id="T-1", score=5, comment="good oo\u00adlong"),
            RecordPreference(customer="ada", key="tea", value="oolong"),
            RecordChurnReason(customer="ada", cause="price", detail="oolong elsewhere"),
            AddNote(customer="bob", text="dislikes\n  Oolong\ttea"),
        ]
        crm.do([each.model_copy(update={"occurred_at": BEGIN + n * DAY}) for n, each in enumerate(told)])
        yield crm


def test_every_text_is_found_whatever_its_case_and_width_the_latest_first(crm: regulars.Regulars) -> None:
    found = crm.search("Oolong").found
    assert [each.event for each in found] == [
        *("NoteAdded", "ChurnReasonRecorded", "PreferenceRecorded", "TicketRated", "CustomerReplied", "AgentReplied"),
        *("TicketOpened", "SurveyAnswered", "InteractionRecorded", "NoteAdded"),
    ]
    assert [each.ref for each in found] == ["bob", *["ada"] * 9]
    assert found[0].excerpt == "dislikes Oolong tea"
    assert found[4].text == "the ｏｏｌｏｎｇ came"


def test_words_are_sought_across_lines_and_names_are_no_texts(crm: regulars.Regulars) -> None:
    assert [each.ref for each in crm.search("oolong   TEA")] == ["bob"]
    assert not crm.search("Ada").found


def test_it_is_asked_of_one_customer_and_of_a_time(crm: regulars.Regulars) -> None:
    assert [each.event for each in crm.search("oolong", customer="bob")] == ["NoteAdded"]
    from_day_7 = crm.search("oolong", since=BEGIN + 7 * DAY)
    assert len(from_day_7) == 4
    assert len(crm.search("oolong", until=(BEGIN + DAY).date())) == 2
    with pytest.raises(NotFound):
        crm.search("oolong", customer="nobody")


def test_a_merged_customer_is_one(crm: regulars.Regulars) -> None:
    crm.do(MergeCustomers(customer="bob", into="ada"))
    assert {each.ref for each in crm.search("oolong", customer="ada")} == {"ada"}
    assert len(crm.search("oolong", customer="bob")) == 10


def test_whoever_is_forgotten_is_not_found(crm: regulars.Regulars) -> None:
    crm.forget("ada", reason="asked for it")
    assert [each.ref for each in crm.search("oolong")] == ["bob"]


def test_pages_follow_one_another_and_say_how_far_they_got(crm: regulars.Regulars) -> None:
    whole = crm.search("oolong").found
    first = crm.search("oolong", limit=4)
    assert (first.found, first.looked_through, first.reached) == (whole[:4], 4, whole[3].at)
    second = crm.search("oolong", limit=1_000, after=first.after)
    assert (second.found, second.after) == (whole[4:], None)


def test_a_page_ends_where_enough_was_looked_through(crm: regulars.Regulars, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = crm.search("oolong").found
    monkeypatch.setattr(searching, "MOST_TEXTS", 3)
    page = crm.search("likes oolong", limit=5)
    assert (len(page), page.looked_through, page.reached) == (1, 3, whole[2].at)  # in dislikes
    assert [each.ref for each in crm.search("likes oolong")] == ["bob", "ada"]  # without a limit it goes on
    told: list[tuple[int, int]] = []
    crm.search("oolong", on_progress=lambda done, total: told.append((done, total)))
    assert told == [(3, 3)]


def test_nothing_to_seek_and_a_wrong_mark_are_refused_in_a_sentence(crm: regulars.Regulars) -> None:
    for nothing in ("", "  \n", "\u200b"):
        with pytest.raises(ValueError, match="nothing to search for"):
            crm.search(nothing)
    with pytest.raises(ValueError, match="is not the `after` of a page"):
        crm.search("oolong", after="x")


ALPHABET = st.sampled_from("aAäÄßSs ｓ\n\u00adéΣσ")


@given(texts=st.lists(st.text(ALPHABET, min_size=1, max_size=12), max_size=8), sought=st.text(ALPHABET, max_size=3))
@settings(max_examples=max(1, EXAMPLES // 5))
def test_it_finds_what_plain_looking_finds(texts: list[str], sought: str) -> None:
    """By Python's own comparison: NFKC, case folded, without soft hyphens."""

    def same(text: str) -> str:
        return " ".join(normalize("NFKC", normalize("NFKC", text).casefold()).replace("\u00ad", "").split())

    with empty_file() as path, opened(path, Clock(BEGIN + 100 * DAY)) as crm:
        crm.do(RegisterCustomer(ref="ada", occurred_at=BEGIN))
        notes = [AddNote(customer="ada", text=text, occurred_at=BEGIN + n * HOUR) for n, text in enumerate(texts)]
        crm.do(notes)
        if same(sought):
            expected = [text for text in reversed(texts) if same(sought) in same(text)]
            assert [each.text for each in crm.search(sought)] == expected


@pytest.mark.parametrize(
    ("text", "sought", "shown"),
    [
        ("short", "short", "short"),
        ("a " * 100 + "needle" + " b" * 100, "needle", "…" + "a " * 14 + "a needle" + " b" * 42 + "…"),
        ("茶" * 100 + "烏龍" + "茶" * 100, "烏龍", "…" + "茶" * 30 + "烏龍" + "茶" * 88 + "…"),
    ],
)
def test_an_excerpt_has_the_words_around(text: str, sought: str, shown: str) -> None:
    assert excerpt(text, sought) == shown


def test_the_command_line_prints_what_it_found_and_how_to_go_on(say: Say) -> None:
    say("do", "RegisterCustomer", "ref=ada", "name=Ada", "--currency", "EUR")
    for number in range(3):
        say("do", "AddNote", "customer=ada", f"text=likes tea {number}", f"occurred_at=2024-01-0{number + 1}")
    said = say("search", "TEA", "--limit", "2")
    assert (said.status, said.widest <= 80) == (0, True)
    assert said.out.splitlines()[:2] == ["2024-01-03  Ada, note added (event 4)", "            likes tea 2"]
    mark = said.out.split("--after ")[1].split()[0]
    assert "2 texts were decrypted and looked through, back to 2024-01-02." in said.out
    rest = say("search", "tea", "--after", mark, "--json").json
    assert [each["text"] for each in rest["found"]] == ["likes tea 0"]
    assert rest["after"] is None
    assert "No text has that." in say("search", "coffee").out
    assert "nothing to search for" in say("search", " ").err


def test_bounds_are_days_of_the_business(say: Say) -> None:
    say("do", "RegisterCustomer", "ref=ada", "--currency", "EUR")
    say("do", "AddNote", "customer=ada", "text=tea", "occurred_at=2024-01-02")
    assert len(say("search", "tea", "--from", "2024-01-02", "--to", "2024-01-02", "--json").json["found"]) == 1
    assert not say("search", "tea", "--from", "2024-01-03", "--json").json["found"]
    refused = say("search", "tea", "--from", "2024-01-03", "--to", "2024-01-02")
    assert refused.status == 2
    assert "begins at 2024-01-03, which is after its end at 2024-01-02" in " ".join(
        refused.err.replace("│", "").split()
    )
