"""What quotes and contracts are over time: by plain counting in days of Berlin, at any instant."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from histories import START, contracts, histories, quotes, rules
from regulars.crm_domain.contract import ContractEnded, ContractRenewed, ContractSigned
from regulars.crm_domain.instant import DAY, FOREVER
from regulars.crm_domain.quote import QuoteAccepted, QuoteDeclined, QuotedLine, QuoteRevised, QuoteSent
from regulars.projections.contracts import CONTRACTS
from regulars.projections.engine.fold import Happened, by_key, fold_some, verdict_at
from regulars.projections.quotes import QUOTES
from regulars.projections.verdict import Interval

BERLIN = ZoneInfo("Europe/Berlin")
INSTANTS = st.builds(lambda day, off: START + day * DAY + off, st.integers(0, 1_600), st.integers(-1, 1))
CUP = (QuotedLine(quantity="1", unit_price="5", tax_rate="20", amount=500),)


def midnight(day: date) -> int:
    return int(datetime.combine(day, time(), BERLIN).timestamp()) * 1_000_000


def told(*events: tuple[int, object]) -> list[Happened]:
    return [Happened(at, place, event) for place, (at, event) in enumerate(events, 1)]  # type: ignore[arg-type]


def spans(intervals: list[Interval]) -> list[tuple[int, int, str]]:
    return [(each.valid_from, each.valid_to, each.verdict.value) for each in intervals]


def test_a_quote_runs_out_with_the_end_of_its_last_day_in_the_zone() -> None:
    sent = QuoteSent(quote_id="Q-1", at=START, currency="EUR", lines=CUP, valid_until=date(2024, 3, 30))
    over = midnight(date(2024, 3, 31))  # the day on which clocks go forward
    assert spans(fold_some(told((START, sent)), rules(), [QUOTES])[1]["quotes"]) == [
        (START, over, "sent"),
        (over, FOREVER, "expired"),
    ]


def test_a_revision_takes_up_again_what_had_run_out_and_what_is_accepted_stays() -> None:
    last, later = date(2024, 1, 10), START + 20 * DAY
    history = told(
        (START, QuoteSent(quote_id="Q-1", at=START, currency="EUR", lines=CUP, valid_until=last)),
        (later, QuoteRevised(quote_id="Q-1", at=later, revision=2, currency="EUR", lines=CUP * 2)),
        (later + 1, QuoteAccepted(quote_id="Q-1", at=0, revision=2, currency="EUR", net=1_000, tax=200, gross=1_200)),
        (later + 2, QuoteDeclined(quote_id="Q-1", at=0)),
    )
    intervals = fold_some(history, rules(), [QUOTES])[1]["quotes"]
    assert [value for _, _, value in spans(intervals)] == ["sent", "expired", "sent", "accepted"]
    assert [(each.verdict.revision, each.verdict.gross) for each in intervals] == [
        (1, 600),
        (1, 600),
        (2, 1_200),
        (2, 1_200),
    ]


def test_a_contract_is_in_force_from_its_first_day_to_the_end_of_its_last() -> None:
    first, last = date(2024, 2, 1), date(2024, 3, 31)
    signed = ContractSigned(contract_id="C-1", at=START, start=first, end=last, amount=1, currency="EUR")
    assert spans(fold_some(told((START, signed)), rules(), [CONTRACTS])[1]["contracts"]) == [
        (START, midnight(first), "upcoming"),
        (midnight(first), midnight(date(2024, 4, 1)), "active"),
        (midnight(date(2024, 4, 1)), FOREVER, "ended"),
    ]


def test_one_that_renews_by_itself_is_one_row_without_an_end_until_somebody_ends_it() -> None:
    first, last = date(2024, 1, 1), date(2024, 12, 31)
    signed = ContractSigned(
        contract_id="C-1", at=START, start=first, end=last, amount=1, currency="EUR", renewal_months=12, notice_days=30
    )
    (row,) = fold_some(told((START, signed)), rules(), [CONTRACTS])[1]["contracts"]
    assert (row.verdict.value, row.verdict.ends_at, row.valid_to) == ("active", None, FOREVER)
    assert row.verdict.first_term_ends_at == midnight(date(2025, 1, 1))
    ended = ContractEnded(contract_id="C-1", at=0, on=date(2026, 12, 31))
    intervals = fold_some(told((START, signed), (START + 900 * DAY, ended)), rules(), [CONTRACTS])[1]["contracts"]
    assert intervals[-1].valid_from == intervals[-2].verdict.ends_at == midnight(date(2027, 1, 1))


def test_a_renewal_that_is_told_after_the_end_brings_it_back() -> None:
    first, last = date(2024, 1, 1), date(2024, 1, 31)
    signed = ContractSigned(contract_id="C-1", at=START, start=first, end=last, amount=1, currency="EUR")
    renewed = ContractRenewed(contract_id="C-1", at=0, until=date(2024, 12, 31))
    found = fold_some(told((START, signed), (START + 40 * DAY, renewed)), rules(), [CONTRACTS])[1]["contracts"]
    assert [value for _, _, value in spans(found)] == ["active", "ended", "active", "ended"]


@given(histories(min_size=8, mostly=quotes()), INSTANTS)
def test_what_a_quote_is_at_any_instant_is_what_plain_counting_gives(history: list[Happened], at: int) -> None:
    intervals = by_key(fold_some(history, rules(), [QUOTES])[1]["quotes"])
    for quote_id in ("Q-1", "Q-2"):
        held = verdict_at(intervals.get(quote_id, []), at)
        found = None if held is None else (held.verdict.value, held.verdict.revision, held.verdict.gross)
        assert found == _counted(quote_id, history, at)


def _counted(quote_id: str, history: list[Happened], at: int) -> tuple[str, int, int] | None:
    events = [
        each.event
        for each in history
        if each.at <= at and isinstance(each.event, QuoteSent | QuoteRevised | QuoteAccepted | QuoteDeclined)
    ]
    events = [each for each in events if each.quote_id == quote_id]
    sent = next((place for place, each in enumerate(events) if isinstance(each, QuoteSent)), None)
    if sent is None:
        return None
    events = events[sent:]
    accepted = next((each for each in events if isinstance(each, QuoteAccepted)), None)
    if accepted is not None:
        return "accepted", accepted.revision, accepted.gross
    offers = {1: events[0]} | {each.revision: each for each in reversed(events) if isinstance(each, QuoteRevised)}
    number = max(offers)
    offer = offers[number]
    assert isinstance(offer, QuoteSent | QuoteRevised)
    place = next(place for place, each in enumerate(events) if each is offer)
    if any(isinstance(each, QuoteDeclined) for each in events[place:]):
        value = "declined"
    else:
        over = None if offer.valid_until is None else midnight(offer.valid_until + timedelta(days=1))
        value = "expired" if over is not None and at >= over else "sent"
    return value, number, _gross(offer)


def _gross(offer: QuoteSent | QuoteRevised) -> int:
    """Net prices with tax by rate, in whole cents: rates here are whole percents."""
    if offer.prices == "gross":
        return sum(line.amount for line in offer.lines)
    by_rate: dict[str, int] = {}
    for line in offer.lines:
        by_rate[line.tax_rate] = by_rate.get(line.tax_rate, 0) + line.amount
    return sum(amount + (amount * int(rate) * 2 + 100) // 200 for rate, amount in by_rate.items())


@given(histories(min_size=8, mostly=contracts()), INSTANTS)
def test_the_turns_of_a_contract_are_those_of_its_days(history: list[Happened], at: int) -> None:
    for intervals in by_key(fold_some(history, rules(), [CONTRACTS])[1]["contracts"]).values():
        held = verdict_at(intervals, at)
        if held is None:
            continue
        verdict = held.verdict
        ends = FOREVER if verdict.ends_at is None else verdict.ends_at
        assert verdict.value == ("ended" if at >= ends else "active" if at >= verdict.starts_at else "upcoming")
