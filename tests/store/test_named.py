"""What names something names one that is there, and theirs: whoever they are one with, whichever is told first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from regulars import (
    AcceptQuote,
    AddTask,
    ChangeOpportunity,
    Command,
    MergeCustomers,
    OpenOpportunity,
    OpenTicket,
    QuoteLine,
    RecordEmployment,
    RegisterCustomer,
    Regulars,
    Rejected,
    SendQuote,
    SettleReminder,
    SignContract,
    UndoMerge,
    WinOpportunity,
)
from regulars.adapters.importing import Mapping
from shops import END, HOUR, Clock, accepted, opened, with_edits

ADA, BOB, ACME, GLOBEX = "ada", "bob", "acme", "globex"
TEA = (QuoteLine(description="Tea", unit_price="80", tax_rate="7"),)
CARE = '\n[[care]]\nid = "years"\non = "first_order"\n[[care]]\nid = "silent"\non = "no_contact"\ndays = 90\n'

OF_ANOTHER = "which it names, belongs to another customer; expected one of theirs or of their firm"
CONTRACT = {"customer": ADA, "start": date(2024, 1, 1), "amount": "80"}

#: Each command of Ada's that names something, by what it names.
NAMING: tuple[tuple[str, Command], ...] = (
    ("opportunity", SendQuote(customer=ADA, quote_id="QA", lines=TEA, opportunity_id="O")),
    ("quote", WinOpportunity(opportunity_id="OA", quote_id="Q")),
    ("quote", SignContract.model_validate({**CONTRACT, "contract_id": "C-1", "quote_id": "Q"})),
    ("opportunity", SignContract.model_validate({**CONTRACT, "contract_id": "C-2", "opportunity_id": "O"})),
    ("ticket", AddTask(customer=ADA, task_id="K-1", what="call", ticket_id="T")),
    ("opportunity", AddTask(customer=ADA, task_id="K-2", what="call", opportunity_id="O")),
)


def things_of(who: str, firm: str | None = None) -> list[Command]:
    """An opportunity, an accepted quote and a ticket."""
    return [
        OpenOpportunity(customer=who, opportunity_id="O", firm=firm),
        SendQuote(customer=who, quote_id="Q", lines=TEA, firm=firm),
        AcceptQuote(quote_id="Q"),
        OpenTicket(customer=who, ticket_id="T", firm=firm),
    ]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def crm(database_url: str, clock: Clock) -> Iterator[Regulars]:
    with opened(database_url, clock) as crm:
        crm.do([RegisterCustomer(ref=who, name=who.title()) for who in (ADA, BOB)])
        crm.do([RegisterCustomer(ref=who, name=who.title(), kind="firm") for who in (ACME, GLOBEX)])
        crm.do(OpenOpportunity(customer=ADA, opportunity_id="OA"))
        clock.now += HOUR
        yield crm


def refusal(crm: Regulars, command: Command) -> tuple[str, str]:
    """Why a command is refused, after which nothing is recorded."""
    before = crm.status().events
    with pytest.raises(Rejected) as refused:
        crm.do(command)
    assert crm.status().events == before
    return refused.value.code, str(refused.value)


def require_refused(crm: Regulars, code: Callable[[str], str]) -> None:
    assert [refusal(crm, command)[0] for _, command in NAMING] == [code(what) for what, _ in NAMING]


def require_taken(crm: Regulars) -> None:
    assert accepted(crm, [command for _, command in NAMING]) == [command for _, command in NAMING]
    for _, command in NAMING:
        assert crm.do(command).events == ()


# ------------------------------------------------------------------------------------------------ there, and theirs


def test_what_is_not_there_is_refused_and_taken_once_it_is_told(crm: Regulars) -> None:
    require_refused(crm, lambda what: f"unknown_{what}")
    crm.do(things_of(ADA))
    require_taken(crm)


def test_in_one_transaction_what_is_named_comes_first(crm: Regulars) -> None:
    crm.do([*things_of(ADA), *(command for _, command in NAMING)])
    with pytest.raises(Rejected, match='there is no opportunity "N", which it names; OpenOpportunity writes one down'):
        crm.do([AddTask(task_id="K", what="x", opportunity_id="N"), OpenOpportunity(customer=ADA, opportunity_id="N")])


def test_what_is_another_s_is_refused(crm: Regulars) -> None:
    crm.do(things_of(BOB))
    require_refused(crm, lambda what: f"{what}_of_another")
    assert refusal(crm, NAMING[0][1])[1] == f'opportunity "O", {OF_ANOTHER}'


@pytest.mark.parametrize(("away", "into"), [(ADA, BOB), (BOB, ADA)])
def test_what_is_theirs_by_a_merge_is_taken(crm: Regulars, away: str, into: str) -> None:
    crm.do(things_of(BOB))
    crm.do(MergeCustomers(customer=away, into=into))
    require_taken(crm)


def test_once_a_merge_is_undone_it_never_was(crm: Regulars) -> None:
    crm.do(things_of(BOB))
    crm.do(MergeCustomers(customer=BOB, into=ADA))
    early, late = [command for _, command in NAMING[::2]], NAMING[1::2]
    crm.do(early)
    crm.do(UndoMerge(customer=BOB))
    assert [refusal(crm, command)[0] for _, command in late] == [f"{what}_of_another" for what, _ in late]
    assert [crm.do(command).events for command in early] == [()] * len(early)  # the same word again changes nothing


def test_a_quote_sent_while_two_were_one_wins_nothing_of_the_other_s(crm: Regulars) -> None:
    crm.do(things_of(BOB))
    crm.do(MergeCustomers(customer=BOB, into=ADA))
    crm.do(NAMING[0][1])
    crm.do(UndoMerge(customer=BOB))
    assert refusal(crm, AcceptQuote(quote_id="QA"))[0] == "opportunity_of_another"
    assert crm.opportunity("O").value == "contacted"
    crm.do(MergeCustomers(customer=BOB, into=ADA))
    crm.do(AcceptQuote(quote_id="QA"))
    assert crm.opportunity("O").value == "won"


# -------------------------------------------------------------------------------------------------------------- firms


def test_what_is_of_the_firm_that_somebody_works_or_worked_for_is_theirs(crm: Regulars) -> None:
    crm.do(things_of(BOB, ACME))
    require_refused(crm, lambda what: f"{what}_of_another")
    crm.do(RecordEmployment(customer=ADA, firm=GLOBEX))
    require_refused(crm, lambda what: f"{what}_of_another")
    crm.do(RecordEmployment(customer=ADA, firm=ACME, until=date(2020, 1, 1)))
    require_taken(crm)


def test_what_is_the_firm_s_own_is_its_people_s(crm: Regulars) -> None:
    crm.do(things_of(ACME))
    crm.do(RecordEmployment(customer=ADA, firm=ACME))
    require_taken(crm)


def test_whoever_buys_for_a_firm_names_what_is_for_it(crm: Regulars) -> None:
    crm.do(things_of(BOB))
    quote = SendQuote(customer=ADA, quote_id="QF", lines=TEA, opportunity_id="O", firm=ACME)
    assert refusal(crm, quote)[0] == "opportunity_of_another"
    crm.do([ChangeOpportunity(opportunity_id="O", firm=ACME), ChangeOpportunity(opportunity_id="O", firm=GLOBEX)])
    crm.do(quote)  # what it ever was for counts, so that it doesn't matter which is told first
    crm.do(AcceptQuote(quote_id="QF"))
    assert crm.opportunity("O").value == "won"


def test_what_is_to_be_done_for_nobody_may_be_about_anybody_s(crm: Regulars) -> None:
    crm.do(things_of(BOB))
    crm.do(AddTask(task_id="K", what="look through it", ticket_id="T", opportunity_id="O"))
    assert refusal(crm, AddTask(task_id="K2", what="look", ticket_id="T-9"))[0] == "unknown_ticket"


# ----------------------------------------------------------------------------------------------- quotes that win, rules


def test_only_an_accepted_quote_wins_and_what_was_refused_locks_nothing(crm: Regulars) -> None:
    crm.do(SendQuote(customer=ADA, quote_id="Q-1", lines=TEA))
    win = WinOpportunity(opportunity_id="OA", quote_id="Q-1")
    assert refusal(crm, win) == ("quote_not_accepted", 'quote "Q-1" wasn\'t accepted; AcceptQuote writes that down')
    assert refusal(crm, WinOpportunity(opportunity_id="OA", quote_id="typo"))[0] == "unknown_quote"
    crm.do(SendQuote(customer=ADA, quote_id="Q-2", lines=TEA, opportunity_id="OA"))
    crm.do(AcceptQuote(quote_id="Q-2"))
    assert (crm.opportunity("OA").value, crm.opportunity("OA").quote_id) == ("won", "Q-2")
    crm.do(AcceptQuote(quote_id="Q-1"))
    assert refusal(crm, win)[0] == "quote_accepted_already"


def test_a_quote_for_one_opportunity_wins_no_other(crm: Regulars) -> None:
    crm.do([OpenOpportunity(customer=ADA, opportunity_id="OB")])
    crm.do(SendQuote(customer=ADA, quote_id="Q-1", lines=TEA, opportunity_id="OB"))
    crm.do(AcceptQuote(quote_id="Q-1"))
    said = 'quote "Q-1" is for opportunity "OB", not for "OA"'
    contract = {**CONTRACT, "contract_id": "C", "quote_id": "Q-1"}
    for command in (
        WinOpportunity(opportunity_id="OA", quote_id="Q-1"),
        SignContract.model_validate({**contract, "opportunity_id": "OA"}),
    ):
        assert refusal(crm, command) == ("quote_for_another", said)
    crm.do(SignContract.model_validate({**contract, "opportunity_id": "OB"}))


def test_a_reminder_is_settled_by_a_rule_that_the_rules_have(crm: Regulars, clock: Clock) -> None:
    settled = SettleReminder(customer=ADA, care="years", day=date(2025, 1, 1), how="done", occurred_at=clock.now)
    assert refusal(crm, settled) == ("no_such_care", 'the rules have no [[care]] rule "years"; those they have: none')
    crm.rules.publish(with_edits([(END, END + CARE)]), reason="calls")
    assert "those they have: years, silent" in refusal(crm, settled.model_copy(update={"care": "yearly"}))[1]
    assert len(crm.do(settled).events) == 1
    crm.rules.publish(with_edits([]), reason="no calls")
    assert crm.do(settled).events == ()  # the same word again changes nothing, whatever rules are in force
    assert refusal(crm, settled.model_copy(update={"how": "skipped"}))[0] == "no_such_care"


# ------------------------------------------------------------------------------------------------------------- imports

FILE = """kind,id,who,about,at
task,K-1,ada,T-1,2024-01-01T13:00:00Z
deal won,O-1,ada,Q-1,2024-01-01T12:50:00Z
contract,C-1,bob,O-2,2024-01-01T12:40:00Z
task,K-2,ada,T-9,2024-01-01T12:40:00Z
task,K-3,ada,T-2,2024-01-01T12:40:00Z
deal,O-1,ada,,2024-01-01T12:20:00Z
deal,O-2,bob,,2024-01-01T12:30:00Z
ticket,T-2,bob,,2024-01-01T12:30:00Z
ticket,T-1,ada,,2024-01-01T12:30:00Z
"""
FIELDS = {
    "OpenTicket": ("ticket", {"ticket_id": "{id}"}),
    "OpenOpportunity": ("deal", {"opportunity_id": "{id}"}),
    "WinOpportunity": ("deal won", {"opportunity_id": "{id}", "quote_id": "{about}"}),
    "AddTask": ("task", {"task_id": "{id}", "what": "call", "ticket_id": "{about}"}),
    "SignContract": (
        "contract",
        {"contract_id": "{id}", "start": "2024-01-01", "amount": "80", "opportunity_id": "{about}"},
    ),
}


def test_an_import_tells_rows_again_that_name_what_comes_later(crm: Regulars, tmp_path: Path) -> None:
    crm.do([SendQuote(customer=ADA, quote_id="Q-1", lines=TEA), AcceptQuote(quote_id="Q-1")])
    commands = [
        {
            "do": name,
            "when": ({"column": "kind", "is": kind},),
            "fields": {**fields, "occurred_at": {"column": "at", "format": "iso"}},
        }
        for name, (kind, fields) in FIELDS.items()
    ]
    mapping = Mapping.model_validate({"format": "csv", "customer": {"ref": "{who}"}, "command": commands})
    file = tmp_path / "crm.csv"
    file.write_text(FILE)
    report = crm.import_file(file, mapping)
    assert [(each.line, each.reason) for each in report.rejects] == [
        (5, 'AddTask: there is no ticket "T-9", which it names; OpenTicket writes one down'),
        (6, f'AddTask: ticket "T-2", {OF_ANOTHER}'),
    ]
    assert crm.task("K-1").task.ticket_id == "T-1"
    assert crm.opportunity("O-1").value == "won"
    assert [each.opportunity_id for each in crm.contracts()] == ["O-2"]
    crm.do(OpenTicket(customer=ADA, ticket_id="T-9"))
    assert crm.import_file(file, mapping).rejected == 1
    assert crm.task("K-2").task.ticket_id == "T-9"
