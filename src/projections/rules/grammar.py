"""The grammar of a ruleset: a TOML file in, a validated value out, and its identity.

The vocabulary is closed: thresholds and windows over named facts, no code, and nothing about a person that depends on
other people. The models are read by people who write rules, so every error names the key, what was found, and what is
allowed.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import islice, pairwise
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticKnownError

from regulars.crm_domain.command import Label
from regulars.crm_domain.errors import InvalidRules
from regulars.crm_domain.money import plain_decimal
from regulars.projections.facts import table as fact_table
from regulars.projections.facts.fact import KEYS, Key, Kind
from regulars.projections.facts.table import NO_TIER
from regulars.projections.rules.toml import read_toml

MAX_DAYS = 36_500
MAX_COMPLAINTS = 50
# After the last event a verdict may change 64 times by itself, so the rules must not ask for more.
MAX_STEPS = 60
MAX_REVIEWS = 60
MAX_LABELS = 100


def _exact(value: object) -> object:
    if isinstance(value, bool | float):
        raise ValueError("expected a whole or decimal number")
    return plain_decimal(value) if isinstance(value, str) else value


def _amount_text(value: object) -> object:
    if not isinstance(value, str | Decimal):
        raise ValueError('expected an amount in quotes, such as "150.00"')
    return plain_decimal(value) if isinstance(value, str) else value


def plain_number(value: Decimal) -> str:
    """A number without exponent or needless zeros; exactly, whatever precision the caller's decimal context has."""
    text = format(value, "f") if value else "0"
    return text.rstrip("0").rstrip(".") if "." in text else text


# Without a limit on digits, a tiny exponent would be written out as a text that fills the memory.
FewDigits = Field(max_digits=60, decimal_places=40, allow_inf_nan=False)
Number = Annotated[Decimal, BeforeValidator(_exact), FewDigits, Field(ge=0, le=10**9)]
Positive = Annotated[Decimal, BeforeValidator(_exact), FewDigits, Field(gt=0, le=MAX_DAYS)]
Days = Annotated[int, Field(strict=True, ge=0, le=MAX_DAYS)]
WindowDays = Annotated[int, Field(strict=True, ge=1, le=MAX_DAYS)]
Score = Annotated[int, Field(strict=True, ge=0, le=100)]
Weight = Annotated[Decimal, BeforeValidator(_exact), FewDigits, Field(ge=0, le=1000)]
# Money is text in a file, so it is text in what a ruleset is dumped to, where other numbers are Decimals.
Money = Annotated[
    Decimal,
    BeforeValidator(_amount_text),
    PlainSerializer(plain_number),
    FewDigits,
    Field(ge=0, le=10**9),
]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Step = tuple[Number, Score]
Steps = Annotated[tuple[Step, ...], Field(min_length=1, max_length=MAX_STEPS)]


class Part(BaseModel):
    """A table of the file. Frozen; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def canonical(self) -> str:
        """The one JSON text of this table: keys sorted, numbers in plain decimal, comments gone."""
        return _json(self.model_dump(by_alias=True))


# Zones that are another one on each machine, or none.
_NOWHERE = frozenset({"localtime", "Factory", "posixrules"})


class Business(Part):
    """The zone in which a bare date ends its day and months are counted."""

    timezone: str = Field(
        description='The zone in which a bare date ends its day and months are counted, such as "Europe/Berlin".'
    )

    @model_validator(mode="after")
    def _exists(self) -> Business:
        try:
            ZoneInfo(self.timezone)
            if self.timezone in _NOWHERE:
                raise ValueError(self.timezone)
        except (KeyError, ValueError, OSError):
            meant = _suggestion(self.timezone, sorted(available_timezones()))
            raise ValueError(f'"{self.timezone}" is not a time zone such as "Europe/Berlin"{meant}') from None
        return self


class Cadence(Part):
    """A customer's expected gap between orders: their own, shrunk toward a prior, and never below a least one."""

    prior_gap_days: Positive = Field(description="The gap that is expected of somebody of whom nothing is known.")
    prior_weight: Positive = Field(description="The prior gap counts as much as so many gaps of their own.")
    min_gap_days: Positive = Field(description="No expected gap is less than this.")


def _known_fact(name: object) -> object:
    if not isinstance(name, str) or name not in fact_table.FACTS:
        raise PydanticKnownError("literal_error", {"expected": ", ".join(f"'{each}'" for each in fact_table.FACTS)})
    return name


def _each_once(labels: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(labels)))


FactName = Annotated[str, BeforeValidator(_known_fact)]
#: Words that somebody gave; in which order and how often they are named makes no difference.
Labels = Annotated[tuple[Label, ...], Field(min_length=1, max_length=MAX_LABELS), AfterValidator(_each_once)]
#: What stands behind one of a condition's keys.
Given = bool | Decimal | tuple[str, ...]

_TAKES: Mapping[Kind, str] = MappingProxyType(
    {
        "flag": "is a flag and takes `is = true` or `is = false`, nothing else",
        "choice": "is a choice and takes either `in` or `not_in`",
        "set": "is a set and takes `has`, `lacks`, or both",
    }
)


class ConditionRule(Part):
    """One condition on one fact. The kind of the fact says which keys it takes; an undefined fact makes it false."""

    fact: FactName = Field(description="What is asked of the customer: one of the facts below.")
    is_: Annotated[bool | None, Field(alias="is", strict=True)] = Field(
        default=None, description="For a flag: whether it must be so."
    )
    from_: Annotated[Number | None, Field(alias="from")] = Field(
        default=None, description="For a number: it must be at least this; an amount stands in quotes."
    )
    below: Number | None = Field(default=None, description="For a number: it must be less than this.")
    in_: Annotated[Labels | None, Field(alias="in")] = Field(
        default=None, description="For a choice: it must be one of these."
    )
    not_in: Labels | None = Field(default=None, description="For a choice: it must be made, and none of these.")
    has: Labels | None = Field(default=None, description="For a set: each of these must be in it.")
    lacks: Labels | None = Field(default=None, description="For a set: none of these may be in it.")
    within_days: WindowDays | None = Field(
        default=None, description="Only what happened in so many days before counts; by default, all there is."
    )

    @field_validator("from_", "below", mode="before")
    @classmethod
    def _amounts_in_quotes(cls, value: object, info: ValidationInfo) -> object:
        fact = fact_table.FACTS.get(info.data.get("fact", ""))
        amount = fact is not None and fact.kind == "amount"
        return _amount_text(value) if amount and value is not None else value

    @field_serializer("from_", "below")
    def _as_it_was_written(self, value: Decimal | None) -> Decimal | str | None:
        # Amounts are text in a file, as Money is; other numbers are Decimals.
        amount = value is not None and fact_table.FACTS[self.fact].kind == "amount"
        return plain_number(value) if value is not None and amount else value

    @property
    def bounds(self) -> list[tuple[Key, Given]]:
        """What stands behind each of the keys that are there."""
        given: list[tuple[Key, Given | None]] = [
            ("is", self.is_),
            ("from", self.from_),
            ("below", self.below),
            ("in", self.in_),
            ("not_in", self.not_in),
            ("has", self.has),
            ("lacks", self.lacks),
        ]
        return [(key, value) for key, value in given if value is not None]

    @model_validator(mode="after")
    def _fits_its_fact(self) -> ConditionRule:
        fact = fact_table.FACTS[self.fact]
        keys = [key for key, _ in self.bounds]
        if not keys or not set(keys) <= set(KEYS[fact.kind]) or (fact.kind == "choice" and len(keys) > 1):
            raise ValueError(f"{self.fact} {_TAKES.get(fact.kind, 'is a number and takes `from`, `below`, or both')}")
        if self.within_days is not None and not fact.windowed:
            windowed = [each.name for each in fact_table.FACTS.values() if each.windowed]
            raise ValueError(f"only {', '.join(windowed)} can be asked `within_days`, not {self.fact}")
        if self.from_ is not None and self.below is not None and self.below <= self.from_:
            raise ValueError(f"{self.fact} can't be from {self.from_} and below {self.below} at once")
        if fact.kind in ("count", "score") and any(
            value is not None and value % 1 for value in (self.from_, self.below)
        ):
            raise ValueError(f"{self.fact} is counted in whole numbers")
        for label in set(self.has or ()) & set(self.lacks or ()):
            raise ValueError(f'{self.fact} can\'t have "{label}" and lack it at once')
        return self


class StageRule(Part):
    """One rung of the ladder."""

    id: Word = Field(description="What the reasons call this rung.")
    stage: Word = Field(description="The stage that it gives; several rungs may give the same.")
    when: tuple[ConditionRule, ...] = Field(
        description="The conditions, all of which must hold; the last rung has none."
    )
    spell: tuple[Word, ...] = Field(
        default=(),
        description="The stages of which one must have been ended by an order, for `days_since_spell_ended`.",
    )

    @model_validator(mode="after")
    def _spell_and_its_fact(self) -> StageRule:
        uses = any(condition.fact == fact_table.SPELL_ENDED.name for condition in self.when)
        if uses != bool(self.spell):
            raise ValueError("days_since_spell_ended and `spell = [stages]` go together")
        return self


class Lifecycle(Part):
    """The ladder of stages, first match first."""

    stage: Annotated[tuple[StageRule, ...], Field(min_length=1, max_length=32)] = Field(
        description="The rungs; the first one whose conditions all hold is the one."
    )

    @model_validator(mode="after")
    def _asks_not_itself(self) -> Lifecycle:
        for rung in self.stage:
            if any(fact_table.FACTS[condition.fact].reads == "lifecycle_stage" for condition in rung.when):
                raise ValueError(f'"{rung.id}" asks for the stage, which is what the ladder gives')
        return self

    @model_validator(mode="after")
    def _is_total(self) -> Lifecycle:
        _require_unique("id", [rung.id for rung in self.stage])
        if self.stage[-1].when:
            raise ValueError(f'the last stage ("{self.stage[-1].id}") must have `when = []`, so that everyone has one')
        for rung in self.stage[:-1]:
            if not rung.when:
                raise ValueError(f'"{rung.id}" has no condition but isn\'t last, so what follows can never be reached')
        stages = {rung.stage for rung in self.stage}
        for unknown in sorted({name for rung in self.stage for name in rung.spell} - stages):
            raise ValueError(f'spell names the stage "{unknown}", which no rung gives{_suggestion(unknown, stages)}')
        return self


class Level(Part):
    """A tier and the spend from which it is reached."""

    name: Word = Field(description="The tier.")
    from_: Annotated[Money, Field(alias="from")] = Field(
        description='The spend within the window from which it is reached; the first level starts from "0.00".'
    )


class Tier(Part):
    """Loyalty by net spend in a rolling window; kept for a hold, then a grace, then one step down."""

    measure: Literal["net_spend"] = Field(
        description="What is measured: the worth of the orders in the window, less what came back of them."
    )
    window_days: WindowDays = Field(description="The window of the measure: an order leaves it after so many days.")
    hold_days: WindowDays = Field(description="How long a tier is kept once it is reached, until it is reviewed.")
    grace_days: Days = Field(description="How long a tier that failed its review is kept still.")
    members_only: Annotated[bool, Field(strict=True)] = Field(
        description='Whether only members have a tier; the others are "none" then.'
    )
    levels: Annotated[tuple[Level, ...], Field(min_length=1, max_length=32)] = Field(
        description="The tiers, in rising order."
    )

    @model_validator(mode="after")
    def _rises_from_zero(self) -> Tier:
        _require_unique("name", [level.name for level in self.levels])
        if any(level.name == NO_TIER for level in self.levels):
            raise ValueError(f'no level can be called "{NO_TIER}", which is the tier of those who have none')
        if self.levels[0].from_ != 0:
            raise ValueError(f'the first level ("{self.levels[0].name}") must start from "0.00"')
        _require_rising("levels", [level.from_ for level in self.levels])
        reviews = self.window_days // self.hold_days + 2 * len(self.levels)
        if reviews > MAX_REVIEWS:
            raise ValueError(f"hold_days = {self.hold_days} is too short: a tier could be reviewed {reviews} times")
        return self


class SteppedComponent(Part):
    """A weighted step table: from this value on, this many points."""

    weight: Weight = Field(description="How much the component weighs among those for which there is evidence.")
    steps: Steps = Field(description="From each value on, so many of 100 points; 0 before the first.")

    @model_validator(mode="after")
    def _rises(self) -> SteppedComponent:
        _require_rising("steps", [step[0] for step in self.steps])
        return self


class ServicePoints(Part):
    """Points for what went wrong in service."""

    open_complaint: Score = Field(description="Points while a complaint is open.")
    sla_breach_90d: Score = Field(
        description="Points for 90 days after an answer or a resolution came too late, or while one does."
    )
    reopened_90d: Score = Field(description="Points for 90 days after a ticket was reopened.")
    unresolved_over_7d: Score = Field(description="Points while a ticket is unresolved for more than 7 days.")


class Service(Part):
    """The weighted sum of service points, at most 100."""

    weight: Weight = Field(description="How much the component weighs among those for which there is evidence.")
    points: ServicePoints = Field(description="What each counts; the sum is at most 100.")


SignedScore = Annotated[int, Field(strict=True, ge=-100, le=100)]


class FeedbackPoints(Part):
    """Points for the latest answer of each kind."""

    csat_low: SignedScore = Field(description="Points where the latest CSAT is low.")
    nps_detractor: SignedScore = Field(description="Points where the latest NPS is that of a detractor.")
    nps_passive: SignedScore = Field(
        description="Points where the latest NPS is neither a detractor's nor a promoter's."
    )
    nps_promoter: SignedScore = Field(description="Points where the latest NPS is that of a promoter.")


class Feedback(Part):
    """The weighted sum over the latest answer of each kind within a window, 0 to 100."""

    weight: Weight = Field(description="How much the component weighs among those for which there is evidence.")
    window_days: WindowDays = Field(description="An answer counts for so many days.")
    points: FeedbackPoints = Field(description="What each counts; the sum is kept between 0 and 100.")


class Overrides(Part):
    """The score is at least this while the fact holds."""

    account_closed: Score = Field(description="The least score while the account is closed.")
    cancellation_requested: Score = Field(description="The least score while they mean to leave.")
    returned_half_of_orders_365d: Score = Field(
        description="The least score while half or more of the orders of the last 365 days came back whole."
    )


class ChurnRisk(Part):
    """A score from 0 to 100: the weighted mean of the components for which there is evidence."""

    bands: Annotated[dict[Word, Score], Field(min_length=1)] = Field(
        description="The score from which each band begins; one begins from 0."
    )
    recency: SteppedComponent = Field(description="The time since the last order as a multiple of the prior gap.")
    cadence: SteppedComponent = Field(
        description="The time since the last order as a multiple of the customer's expected gap."
    )
    frequency: SteppedComponent = Field(description="The orders of the last 365 days.")
    service: Service = Field(description="What went wrong in service.")
    feedback: Feedback = Field(description="The latest answer of each kind.")
    engagement: SteppedComponent = Field(description="The days since they were last heard from.")
    overrides: Overrides = Field(description="The score is at least this while the fact holds.")

    @model_validator(mode="after")
    def _bands_cover_all(self) -> ChurnRisk:
        if 0 not in self.bands.values():
            raise ValueError("one band must start from 0")
        _require_unique("start", [str(start) for start in self.bands.values()])
        steps = sum(len(table.steps) for table in (self.recency, self.cadence, self.frequency, self.engagement))
        if steps > MAX_STEPS:
            raise ValueError(f"the step tables have {steps} steps in all; at most {MAX_STEPS} are allowed")
        return self


Hours = Annotated[Decimal, BeforeValidator(_exact), FewDigits, Field(gt=0, le=24 * MAX_DAYS)]


class HoursByPriority(Part):
    """Hours for each priority of a ticket."""

    urgent: Hours = Field(description="Hours for an urgent ticket.")
    high: Hours = Field(description="Hours for a ticket of high priority.")
    normal: Hours = Field(description="Hours for a normal ticket.")
    low: Hours = Field(description="Hours for a ticket of low priority.")


class Ticket(Part):
    """Targets of the help desk, in clock hours."""

    first_response_hours: HoursByPriority = Field(description="The time within which a ticket gets its first reply.")
    resolution_hours: HoursByPriority = Field(
        description="The time within which a ticket is resolved, while it neither awaits the customer nor is on hold."
    )
    due_soon_fraction: Annotated[Decimal, BeforeValidator(_exact), FewDigits, Field(gt=0, lt=1)] = Field(
        description="The part of a target after which it is due soon."
    )
    auto_close_days: Days = Field(description="A ticket that was resolved so many days ago counts as closed.")


class Satisfaction(Part):
    """Where an answer to a survey becomes good or bad news."""

    nps_promoter_from: Annotated[int, Field(strict=True, ge=0, le=10)] = Field(
        description="The NPS from which somebody is a promoter."
    )
    nps_detractor_to: Annotated[int, Field(strict=True, ge=0, le=10)] = Field(
        description="The NPS up to which somebody is a detractor."
    )
    csat_low_to: Annotated[int, Field(strict=True, ge=1, le=5)] = Field(description="The CSAT up to which it is low.")

    @model_validator(mode="after")
    def _in_order(self) -> Satisfaction:
        if self.nps_detractor_to >= self.nps_promoter_from:
            raise ValueError("nps_detractor_to must lie below nps_promoter_from")
        return self


class Points(Part):
    """How points are earned, and when they can be spent and expire."""

    per_unit: Money = Field(description="Points for each whole unit of currency, net, rounded down.")
    pending_days: Days = Field(description="Points can be spent so many days after the order.")
    expire_after_months: Annotated[int, Field(strict=True, ge=1, le=1200)] = Field(
        description="Points expire after so many months."
    )
    expire_at: Literal["end_of_month"] = Field(description="When in that month they expire.")


class Ruleset(Part):
    """A whole ruleset. Two are the same where their digests are.

    A table that has defaults, as those of extensions do, is no part of the canonical form where it equals them: so
    whether its extension is there makes no difference to rules that don't use it.
    """

    business: Business = Field(description="Where the business is.")
    cadence: Cadence = Field(
        description="What gap between orders is expected of a customer: their own, shrunk toward a prior."
    )
    lifecycle: Lifecycle = Field(description="The ladder of stages.")
    tier: Tier = Field(description="Loyalty by spend.")
    churn_risk: ChurnRisk = Field(description="The risk that a customer leaves, from 0 to 100.")
    ticket: Ticket = Field(description="Targets of the help desk, in clock hours.")
    satisfaction: Satisfaction = Field(description="Where an answer to a survey becomes good or bad news.")
    points: Points = Field(description="How points are earned, and when they can be spent and expire.")

    @model_validator(mode="after")
    def _asks_for_what_there_is(self) -> Ruleset:
        given = {"tier": {NO_TIER, *(level.name for level in self.tier.levels)}, "risk_band": {*self.churn_risk.bands}}
        for rung in self.lifecycle.stage:
            for condition in rung.when:
                for word in (*(condition.in_ or ()), *(condition.not_in or ())):
                    allowed = given.get(condition.fact, {word})
                    if word not in allowed:
                        meant = _suggestion(word, sorted(allowed))
                        raise ValueError(
                            f'lifecycle: "{rung.id}" asks for the {condition.fact} "{word}", which there isn\'t{meant}'
                        )
        return self

    def canonical(self) -> str:
        """The one JSON text of this ruleset: keys sorted, numbers in plain decimal, comments gone."""
        fields = type(self).model_fields.items()
        unused = {name for name, info in fields if not info.is_required() and getattr(self, name) == info.default}
        return _json(self.model_dump(by_alias=True, exclude=unused))

    def canonical_tables(self) -> dict[str, str]:
        """The canonical form of each table, by its name."""
        return {name: getattr(self, name).canonical() for name in type(self).model_fields}

    def digest(self) -> str:
        """SHA-256 of the canonical form, in hexadecimal."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()

    @property
    def zone(self) -> ZoneInfo:
        """The business's time zone."""
        return ZoneInfo(self.business.timezone)


def parse_rules(text: str, source: str = "rules", grammar: type[Ruleset] = Ruleset) -> Ruleset:
    """The ruleset of a TOML text. Raises InvalidRules, naming `source` and every key that is wrong.

    `grammar` is that of the registry, which knows the tables of extensions.
    """
    try:
        data = read_toml(text)
    except ValueError as error:
        raise InvalidRules(f"{source} is not TOML: {error}") from None
    return validate_rules(data, source, grammar)


def validate_rules(data: Mapping[str, Any], source: str = "rules", grammar: type[Ruleset] = Ruleset) -> Ruleset:
    """The ruleset of parsed data. Raises InvalidRules, naming `source` and every key that is wrong."""
    try:
        return grammar.model_validate(data)
    except ValidationError as error:
        lines = [f"  {line}" for line in islice(_complaints(error, grammar), MAX_COMPLAINTS)]
        more = error.error_count() - len(lines)
        lines += [f"  and {more:,} more"] if more else []
        raise InvalidRules("\n".join([f"{source} breaks the grammar of rules:", *lines])) from None


def restore_rules(canonical: str, grammar: type[Ruleset] = Ruleset) -> Ruleset:
    """The ruleset that a canonical text stands for.

    A table of an extension that isn't here is left out: nobody judges by it.
    """
    tables = json.loads(canonical, parse_float=Decimal)
    if isinstance(tables, dict):
        tables = {name: table for name, table in tables.items() if name in grammar.model_fields}
    return grammar.model_validate(tables)


def _complaints(error: ValidationError, grammar: type[Ruleset]) -> Iterator[str]:
    for detail in error.errors():
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"])
        key = key.lstrip(".").removesuffix(".[key]")
        complaint = _complaint(detail, grammar)
        yield f"{key}: {complaint}" if key else complaint


def _complaint(detail: ErrorDetails, grammar: type[Ruleset]) -> str:
    found = _written(detail["input"])
    match detail["type"]:
        case "extra_forbidden":
            allowed = _keys_of(detail["loc"][:-1], grammar)
            return f"unknown key{_suggestion(str(detail['loc'][-1]), allowed)}; allowed: {', '.join(allowed)}"
        case "missing":
            return "is missing"
        case "literal_error":
            words = re.findall(r"'([^']*)'", str(detail.get("ctx", {}).get("expected", "")))
            return f"found {found}, allowed: {', '.join(words)}{_suggestion(str(detail['input']), words)}"
        case "value_error":
            said = detail["msg"].removeprefix("Value error, ")
            return said if isinstance(detail["input"], dict) else f"found {found}; {said}"
        case "string_pattern_mismatch":
            return f"found {found}; expected lower-case letters, digits, - and _, beginning with a letter (a-z)"
        case "tuple_type" | "list_type":
            return f"found {found}; expected a list"
        case "model_type" | "dict_type":
            return f"found {found}; expected a table"
        case _:
            return f"found {found}; {detail['msg'][0].lower()}{detail['msg'][1:]}"


def _written(value: object) -> str:
    """A value as it would stand in a TOML file, cut off after 60 characters."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f'"{value[:60]}"'
        case _:
            return str(value)[:60]


def _suggestion(word: str, allowed: Iterable[str]) -> str:
    by_lower_case = {each.lower(): each for each in allowed}
    close = difflib.get_close_matches(word.lower(), by_lower_case, n=1)
    return f'; did you mean "{by_lower_case[close[0]]}"?' if close else ""


def _keys_of(location: tuple[int | str, ...], grammar: type[Ruleset]) -> list[str]:
    """The keys that the table at a location may have."""
    model: type[BaseModel] = grammar
    for part in location:
        if isinstance(part, str):
            info = next(info for name, info in model.model_fields.items() if part in (name, info.alias))
            model = next(models_in(info.annotation))
    return [info.alias or name for name, info in model.model_fields.items()]


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a key's type is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


def _json(data: dict[str, Any]) -> str:
    return json.dumps(_plain(data), sort_keys=True, separators=(",", ":"))


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {key: _plain(item) for key, item in value.items() if item is not None}
        case list() | tuple():
            return [_plain(item) for item in value]
        case Decimal():
            return plain_number(value)
        case _:
            return value


def _require_unique(what: str, values: list[str]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f'the {what} "{value}" is used twice')


def _require_rising(what: str, values: list[Decimal]) -> None:
    for lower, higher in pairwise(values):
        if higher <= lower:
            raise ValueError(f"{what} must rise, but {higher} follows {lower}")
