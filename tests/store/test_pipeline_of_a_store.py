"""Pipelines of real stores: they add up, they are what an independent script says, and what was said at the time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "independent"))
import pipeline as independent

from regulars import (
    ChangeOpportunity,
    Command,
    LoseOpportunity,
    MoveOpportunity,
    OpenOpportunity,
    Regulars,
    ReopenOpportunity,
    WinOpportunity,
    parse_rules,
)
from regulars.crm_domain.instant import to_datetime
from regulars.selling import Pipeline, PipelineBy, Waterfall
from shops import (
    BEGIN,
    DAY,
    EXAMPLES,
    HOUR,
    PEOPLE,
    Clock,
    CommandAt,
    Step,
    ago,
    at_once,
    carry_out,
    default_text,
    earlier,
    fresh_store,
    in_each_database,
    merges,
    one_by_one,
    opened,
    play,
    register,
    to_somebody,
)

KINDS = pytest.mark.parametrize("kind", ["sqlite", "postgres"])
STAGES = ("contacted", "qualified", "proposal", "negotiation")
AMOUNTS = ("0.01", "35.50", "100.00", "1000.33")
OWNERS = ("li", "mo")


# ---------------------------------------------------------------------------------------------------------- histories


def open_one(who: str, number: int, at: datetime) -> Command:
    amount = AMOUNTS[number % 4] if number % 5 else None
    close = date(2024, 1 + number % 12, 1 + number % 28) if number % 3 else None
    return OpenOpportunity(
        customer=who,
        opportunity_id=f"O-{number}",
        amount=amount,
        owner=OWNERS[number % 2],
        source=("web", None)[number % 2],
        stage=STAGES[number % 3],
        expected_close=None if close is None or close <= at.date() else close,
        occurred_at=at,
    )


def on_one(kind: Any, steps: int, fields: dict[str, Any]) -> Any:
    """A command about the opportunity of so many steps before."""
    return lambda who, number, at: kind(opportunity_id=f"O-{number - steps}", occurred_at=at, **fields)


def of_kind(kind: Any, *fields: dict[str, Any]) -> st.SearchStrategy[CommandAt]:
    return to_somebody(st.builds(lambda steps, some: on_one(kind, steps, some), earlier, st.sampled_from(fields)), ago)


def selling(*, max_size: int = 14) -> st.SearchStrategy[list[Step]]:
    commands = st.one_of(
        to_somebody(open_one, ago),
        to_somebody(open_one, at_once),
        of_kind(MoveOpportunity, *({"stage": each} for each in STAGES)),
        of_kind(ChangeOpportunity, {"amount": "70.00"}, {"owner": "mo"}, {"owner": None}, {"source": "fair"}),
        of_kind(WinOpportunity, {}, {"amount": "90.09"}),
        of_kind(LoseOpportunity, {"reason": "price"}),
        of_kind(ReopenOpportunity, {}, {"stage": "proposal"}),
        merges(),
    )
    return one_by_one(commands, gaps=[timedelta(), HOUR, DAY, 12 * DAY, 40 * DAY], max_size=max_size)


@contextmanager
def shop(kind: str, postgres_url: str, clock: Clock) -> Iterator[Regulars]:
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        register(crm, clock)
        yield crm


# ------------------------------------------------------------------------------------------------------------- laws


@in_each_database(EXAMPLES // 5, selling(), st.data())
def test_a_waterfall_adds_up_between_what_is_open_on_any_two_days(
    postgres_url: str, kind: str, steps: list[Step], data: st.DataObject
) -> None:
    clock = Clock()
    with shop(kind, postgres_url, clock) as crm:
        play(crm, clock, steps)
        days = st.integers(-200, 500).map(lambda count: BEGIN + count * DAY)
        filters: list[dict[str, str]] = [{}, {"owner": "li"}, {"source": "web"}, {"stage": "proposal"}]
        for where in filters:
            first, second = sorted((data.draw(days), data.draw(days)))
            axes: dict[str, Any] = {"where": where}
            if data.draw(st.booleans()):
                axes["known_at"] = BEGIN + data.draw(st.integers(0, 200)) * DAY
            found = crm.pipeline_waterfall(first, second, **axes)
            require_to_add_up(found)
            for day, end in ((first, found.before), (second, found.after)):
                total = crm.pipeline(as_of=day, **axes).total
                assert (end.opportunities, end.amount) == (total.opportunities, total.amount)


def require_to_add_up(found: Waterfall) -> None:
    amounts = [-each.amount if each.takes else each.amount for each in found.parts]
    assert found.before.amount + sum(amounts) == found.after.amount
    counts = [
        -each.opportunities if each.takes else each.opportunities
        for each in found.parts
        if each.part not in ("grown", "shrunk")
    ]
    assert found.before.opportunities + sum(counts) == found.after.opportunities


@in_each_database(EXAMPLES // 10, selling())
def test_as_known_at_a_moment_is_what_was_said_at_that_moment(postgres_url: str, kind: str, steps: list[Step]) -> None:
    clock, said = Clock(), list[tuple[datetime, Pipeline, Any, Any]]()
    with shop(kind, postgres_url, clock) as crm:
        for number, step in enumerate(steps):
            carry_out(crm, clock, step, number)
            clock.now += timedelta(seconds=1)
            if number % 5 == 4:
                forecast = crm.pipeline_forecast(as_of=clock.now)
                said.append((clock.now, crm.pipeline(as_of=clock.now), forecast, crm.pipeline_stages(as_of=clock.now)))
                clock.now += timedelta(seconds=1)  # what is recorded at that very moment was known at it
        clock.now += DAY
        for moment, whole, forecast, stages in said:
            asked: dict[str, Any] = {"as_of": moment, "known_at": moment}
            assert crm.pipeline(**asked) == whole
            assert crm.pipeline_forecast(**asked) == forecast
            assert crm.pipeline_stages(**asked) == stages


@in_each_database(EXAMPLES // 10, selling())
def test_lines_add_up_however_a_pipeline_is_told_apart(postgres_url: str, kind: str, steps: list[Step]) -> None:
    clock = Clock()
    with shop(kind, postgres_url, clock) as crm:
        play(crm, clock, steps)
        totals = set()
        for found in (crm.pipeline(by="stage"), crm.pipeline(by="owner"), crm.pipeline(by="source")):
            for name in ("opportunities", "amount", "stale", "stale_amount", "unpriced"):
                assert sum(getattr(each, name) for each in found.lines) == getattr(found.total, name)
            totals.add(found.total)
        assert len(totals) == 1
        stale = crm.stale_opportunities()
        assert (len(stale), sum(each.amount for each in stale)) == (found.total.stale, found.total.stale_amount)
        forecast = crm.pipeline_forecast()
        assert forecast.total.by_rules == found.total.expected
        for parts in ([each.sums for each in forecast.stages], [each.sums for each in forecast.months]):
            assert sum(each.opportunities for each in parts) == forecast.total.opportunities
            assert sum(each.amount for each in parts) == forecast.total.amount


@in_each_database(EXAMPLES // 10, selling())
def test_what_a_difference_of_rules_forecasts_is_forecast_once_they_are_published(
    postgres_url: str, kind: str, steps: list[Step]
) -> None:
    clock = Clock()
    other = parse_rules(
        default_text()
        .replace("probability = 0.5, stale_days = 30", "probability = 0.25, stale_days = 1")
        .replace("probability = 0.1,", "probability = 0.15,")
    )
    with shop(kind, postgres_url, clock) as crm:
        play(crm, clock, steps)
        before, found = crm.pipeline().total, crm.rules.diff(other).forecast
        crm.rules.publish(other, reason="less sure")
        after = crm.pipeline().total
        if found:
            (each,) = found
            assert (each.opportunities, each.old, each.new) == (before.opportunities, before.expected, after.expected)
            assert (each.old_stale, each.new_stale) == (before.stale, after.stale)
        else:
            assert before == after


# ------------------------------------------------------------------------------------------------ an independent script


class Year:
    """A generated year: what was told, some of it late, and the same as plain tuples."""

    def __init__(self, crm: Regulars, clock: Clock, seed: int) -> None:
        self._crm, self._clock, self._random = crm, clock, Random(seed)
        self.told: list[tuple[datetime, tuple[str, float, str, dict[str, Any]]]] = []
        self._later: list[tuple[datetime, Command, tuple[str, float, str, dict[str, Any]]]] = []

    def play(self) -> None:
        for number in range(60):
            self._plan(f"O-{number}")
        for recorded, command, event in sorted(self._later, key=lambda each: each[0]):
            self._clock.now = recorded
            self._crm.do(command)
            self.told.append((recorded, event))

    def events(self, known_at: datetime | None = None) -> list[tuple[str, float, str, dict[str, Any]]]:
        return [event for recorded, event in self.told if known_at is None or recorded <= known_at]

    def _plan(self, name: str) -> None:
        random = self._random
        at = BEGIN + timedelta(days=10) + random.random() * timedelta(days=330)
        late = [timedelta(), timedelta(), timedelta(days=25)][random.randrange(3)]
        owner, stage = random.choice(["li", "mo", None]), random.choice(STAGES[:2])
        cents = random.randrange(0, 500_000)
        fields: dict[str, Any] = {
            "amount": cents,
            "owner": owner,
            "stage": stage,
            "source": random.choice(["web", "fair"]),
        }
        words = {**fields, "amount": euros(cents)}
        self._tell(name, at, late, "opened", OpenOpportunity, fields, customer=random.choice(PEOPLE), **words)
        is_open = True
        for _ in range(random.randrange(1, 7)):
            at += random.random() * timedelta(days=60)
            kind = random.choice(
                ["moved", "moved", "changed", "won", "lost"] if is_open else ["reopened", "changed owner"]
            )
            match kind:
                case "moved":
                    moved = {"stage": random.choice([each for each in STAGES if each != stage])}
                    stage = moved["stage"]
                    self._tell(name, at, late, "moved", MoveOpportunity, moved, **moved)
                case "changed":
                    cents = random.randrange(0, 500_000)
                    self._tell(name, at, late, "changed", ChangeOpportunity, {"amount": cents}, amount=euros(cents))
                case "changed owner":
                    to = {"owner": random.choice(["li", "mo", None])}
                    self._tell(name, at, late, "changed", ChangeOpportunity, to, **to)
                case "won":
                    cents = random.randrange(0, 500_000)
                    self._tell(name, at, late, "won", WinOpportunity, {"amount": cents}, amount=euros(cents))
                case "lost":
                    self._tell(name, at, late, "lost", LoseOpportunity, {}, reason="price")
                case "reopened":
                    self._tell(name, at, late, "reopened", ReopenOpportunity, {})
            is_open = kind not in ("won", "lost", "changed owner")

    def _tell(
        self, name: str, at: datetime, late: timedelta, kind: str, of: Any, fields: dict[str, Any], **words: Any
    ) -> None:
        command = of(opportunity_id=name, occurred_at=at, **words)
        self._later.append(
            (at + late + timedelta(milliseconds=len(self._later)), command, (name, at.timestamp(), kind, fields))
        )


def euros(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def cents_of(amount: Decimal) -> int:
    return int(amount * 100)


RULES = {"contacted": ("0.1", 14), "qualified": ("0.2", 14), "proposal": ("0.5", 30), "negotiation": ("0.8", 30)}


def test_a_generated_year_is_what_an_independent_script_says_of_every_week() -> None:
    rules = {stage: (Fraction(probability), days) for stage, (probability, days) in RULES.items()}
    clock = Clock()
    with shop("sqlite", "", clock) as crm:
        year = Year(crm, clock, seed=18)
        year.play()
        events, end = year.events(), clock.now
        weeks = [BEGIN + each * 7 * DAY for each in range(75)]
        for moment in weeks:
            for by in get_args(PipelineBy):
                found = crm.pipeline(by=by, as_of=moment)
                lines = {each.group: each for each in found.lines if each.opportunities}
                said = independent.pipeline(events, moment.timestamp(), by, rules)
                assert {
                    group: (each.opportunities, cents_of(each.amount), each.stale) for group, each in lines.items()
                } == {group: (count, amount, stale) for group, (count, amount, _, stale) in said.items()}
                for group, (_, _, expected, _) in said.items():
                    assert cents_of(lines[group].expected) == int(expected + Fraction(1, 2))
        random = Random(1)
        for _ in range(60):
            first, second = sorted(random.sample(weeks, 2))
            where = random.choice([{}, {"owner": "li"}, {"source": "fair"}, {"stage": "proposal"}, {"owner": "mo"}])
            waterfall = crm.pipeline_waterfall(first, second, where=where)
            parts = {each.part: (each.opportunities, cents_of(each.amount)) for each in waterfall.parts}
            parts |= {
                "first": (waterfall.before.opportunities, cents_of(waterfall.before.amount)),
                "second": (waterfall.after.opportunities, cents_of(waterfall.after.amount)),
            }
            said_parts = independent.waterfall(events, first.timestamp(), second.timestamp(), where)
            assert {part: sums for part, sums in parts.items() if sums[0]} == said_parts
        for known_at in (BEGIN + 200 * DAY, BEGIN + 300 * DAY):
            first, second = known_at - 90 * DAY, known_at
            waterfall = crm.pipeline_waterfall(first, second, known_at=known_at)
            said_parts = independent.waterfall(year.events(known_at), first.timestamp(), second.timestamp())
            parts = {each.part: (each.opportunities, cents_of(each.amount)) for each in waterfall.parts}
            assert {part: sums for part, sums in parts.items() if sums[0]} == {
                part: sums for part, sums in said_parts.items() if part not in ("first", "second")
            }
            require_to_add_up(waterfall)
        for moment in (BEGIN + 300 * DAY, end):
            forecast = crm.pipeline_forecast(as_of=moment)
            shares = {each.stage: (each.won, each.entered) for each in forecast.stages if each.entered}
            assert shares == independent.history(events, moment.timestamp())


# ---------------------------------------------------------------------------------------------------------- calibration


@KINDS
def test_calibration_holds_what_was_forecast_on_each_eve_against_what_was_won(postgres_url: str, kind: str) -> None:
    months = [(2024 + place // 12, place % 12 + 1) for place in range(1, 13)]
    said, won, clock, number = dict[str, tuple[int, Decimal]](), dict[str, Decimal](), Clock(), 0
    with shop(kind, postgres_url, clock) as crm:
        for year, month in months:
            clock.now, name = eve_of(year, month), f"{year}-{month:02}"
            said[name], won[name] = (0, Decimal("0.00")), Decimal("0.00")
            for each in crm.pipeline_forecast().months:
                if each.month == name:
                    said[name] = (each.sums.opportunities, each.sums.by_rules)
            for _ in range(6):
                clock.now += timedelta(days=4)
                number += 1
                # Every other one is told 20 days late, so some eves didn't know of what had happened by then.
                crm.do(open_one(PEOPLE[number % 4], number, clock.now - (number % 2) * 20 * DAY))
                if number > 3 and number % 2:
                    crm.do(MoveOpportunity(opportunity_id=f"O-{number - 3}", stage="negotiation"))
                if number > 6 and number % 3 == 0:
                    crm.do(WinOpportunity(opportunity_id=f"O-{number - 5}", amount="10.10"))
                    won[name] += Decimal("10.10")
        clock.now += 220 * DAY
        span = {"since": date(2024, 2, 1), "until": date(2025, 1, 31)}
        found = crm.pipeline_calibration(**span)
        assert {each.month: (each.expected, each.forecast) for each in found.months} == said
        assert {each.month: each.won for each in found.months} == won
        assert sum(each.expected for each in found.months) > 10
        # Each opportunity counts once for each probability at which an eve saw it.
        assert {round(10 * each.low): (each.n, each.won) for each in found.bands} == counted(crm, months)
        assert found.brier.n == sum(each.n for each in found.bands)
        # What came later changes no forecast.
        then = crm.pipeline_calibration(**span, known_at=eve_of(2024, 10))
        assert [each.month for each in then.months] == [f"2024-{month:02}" for month in range(2, 10)]
        assert then.months == found.months[: len(then.months)]


def eve_of(year: int, month: int) -> datetime:
    """The last instant before a month of the business."""
    return datetime(year, month, 1, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC) - timedelta(microseconds=1)


def counted(crm: Regulars, months: list[tuple[int, int]]) -> dict[int, tuple[int, int]]:
    """How many opportunities an eve saw in each tenth, and how many of them were won 180 days later: by asking each
    opportunity as it was known on each eve.
    """
    tenths = {"contacted": 1, "qualified": 2, "proposal": 5, "negotiation": 8}
    found = dict[tuple[str, int], bool]()
    events = [each for each in crm.events() if hasattr(each.event, "opportunity_id")]
    for year, month in months:
        eve = eve_of(year, month)
        known = [each for each in events if to_datetime(each.recorded_at) <= eve]
        for name, one in independent.at(plain(known), eve.timestamp()).items():
            if one["status"] == "open":
                later = independent.at(plain(events), (eve + 180 * DAY).timestamp())[name]
                found.setdefault((name, tenths[one["stage"]]), later["status"] == "won")
    return {
        tenth: (sum(of == tenth for _, of in found), sum(won for (_, of), won in found.items() if of == tenth))
        for tenth in {of for _, of in found}
    }


def plain(events: list[Any]) -> list[tuple[str, float, str, dict[str, Any]]]:
    """Events as the independent script takes them, as far as these histories have them."""
    kinds = {"OpportunityOpened": "opened", "OpportunityStageChanged": "moved", "OpportunityWon": "won"}
    found = []
    for each in events:
        fields = {"stage": each.event.stage} if hasattr(each.event, "stage") else {}
        at = to_datetime(each.occurred_at).timestamp()
        found.append((each.event.opportunity_id, at, kinds[type(each.event).__name__], fields))
    return found
