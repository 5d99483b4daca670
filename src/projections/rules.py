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
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from crm_domain.errors import InvalidRules
from crm_domain.money import plain_decimal
from projections.toml_text import read_toml

FlagFact = Literal["account_closed", "qualified"]
CountFact = Literal["orders"]
ElapsedFact = Literal["days_since_order", "days_since_engagement", "days_since_spell_ended", "tenure_days"]
RatioFact = Literal["gap"]
Fact = Literal[FlagFact, CountFact, ElapsedFact, RatioFact]

FLAGS: tuple[str, ...] = get_args(FlagFact)
COUNTS: tuple[str, ...] = get_args(CountFact)
#: Facts that are undefined before the first order.
NEED_AN_ORDER: tuple[str, ...] = ("gap", "days_since_order", "tenure_days")

MAX_DAYS = 36_500
MAX_COMPLAINTS = 50
# After the last event a verdict may change 64 times by itself, so the rules must not ask for more.
MAX_STEPS = 60
MAX_REVIEWS = 60
#: The tier of those who have no membership in force where only members have one.
NO_TIER = "none"


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


# Zones that are another one on each machine, or none.
_NOWHERE = frozenset({"localtime", "Factory", "posixrules"})


class Business(Part):
    """The zone in which a bare date ends its day and months are counted."""

    timezone: str

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

    prior_gap_days: Positive
    prior_weight: Positive
    min_gap_days: Positive


class ConditionRule(Part):
    """One condition on one fact: `is` for a flag, `from` and `below` for a number."""

    fact: Fact
    is_: Annotated[bool | None, Field(alias="is", strict=True)] = None
    from_: Annotated[Number | None, Field(alias="from")] = None
    below: Number | None = None
    within_days: WindowDays | None = None

    @model_validator(mode="after")
    def _fits_its_fact(self) -> ConditionRule:
        numeric = self.from_ is not None or self.below is not None
        if self.fact in FLAGS and (self.is_ is None or numeric):
            raise ValueError(f"{self.fact} is a flag and takes `is = true` or `is = false`, nothing else")
        if self.fact not in FLAGS and (self.is_ is not None or not numeric):
            raise ValueError(f"{self.fact} is a number and takes `from`, `below`, or both")
        if self.within_days is not None and self.fact not in COUNTS:
            raise ValueError(f"only {', '.join(COUNTS)} can be counted `within_days`, not {self.fact}")
        if self.from_ is not None and self.below is not None and self.below <= self.from_:
            raise ValueError(f"{self.fact} can't be from {self.from_} and below {self.below} at once")
        if self.fact in COUNTS and any(value is not None and value % 1 for value in (self.from_, self.below)):
            raise ValueError(f"{self.fact} is counted in whole numbers")
        return self


class StageRule(Part):
    """One rung of the ladder."""

    id: Word
    stage: Word
    when: tuple[ConditionRule, ...]
    spell: tuple[Word, ...] = ()

    @model_validator(mode="after")
    def _spell_and_its_fact(self) -> StageRule:
        uses = any(condition.fact == "days_since_spell_ended" for condition in self.when)
        if uses != bool(self.spell):
            raise ValueError("days_since_spell_ended and `spell = [stages]` go together")
        return self


class Lifecycle(Part):
    """The ladder of stages, first match first."""

    stage: Annotated[tuple[StageRule, ...], Field(min_length=1, max_length=32)]

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

    name: Word
    from_: Annotated[Money, Field(alias="from")]


class Tier(Part):
    """Loyalty by net spend in a rolling window; kept for a hold, then a grace, then one step down."""

    measure: Literal["net_spend"]
    window_days: WindowDays
    hold_days: WindowDays
    grace_days: Days
    members_only: Annotated[bool, Field(strict=True)]
    levels: Annotated[tuple[Level, ...], Field(min_length=1, max_length=32)]

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

    weight: Weight
    steps: Steps

    @model_validator(mode="after")
    def _rises(self) -> SteppedComponent:
        _require_rising("steps", [step[0] for step in self.steps])
        return self


class ServicePoints(Part):
    """Points for what went wrong in service."""

    open_complaint: Score
    sla_breach_90d: Score
    reopened_90d: Score
    unresolved_over_7d: Score


class Service(Part):
    """The weighted sum of service points, at most 100."""

    weight: Weight
    points: ServicePoints


SignedScore = Annotated[int, Field(strict=True, ge=-100, le=100)]


class FeedbackPoints(Part):
    """Points for the latest answer of each kind."""

    csat_low: SignedScore
    nps_detractor: SignedScore
    nps_passive: SignedScore
    nps_promoter: SignedScore


class Feedback(Part):
    """The weighted sum over the latest answer of each kind within a window, 0 to 100."""

    weight: Weight
    window_days: WindowDays
    points: FeedbackPoints


class Overrides(Part):
    """The score is at least this while the fact holds."""

    account_closed: Score
    cancellation_requested: Score
    returned_half_of_orders_365d: Score


class ChurnRisk(Part):
    """A score from 0 to 100: the weighted mean of the components for which there is evidence."""

    bands: Annotated[dict[Word, Score], Field(min_length=1)]
    recency: SteppedComponent
    cadence: SteppedComponent
    frequency: SteppedComponent
    service: Service
    feedback: Feedback
    engagement: SteppedComponent
    overrides: Overrides

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

    urgent: Hours
    high: Hours
    normal: Hours
    low: Hours


class Ticket(Part):
    """Targets of the help desk, in clock hours."""

    first_response_hours: HoursByPriority
    resolution_hours: HoursByPriority
    due_soon_fraction: Annotated[Decimal, BeforeValidator(_exact), FewDigits, Field(gt=0, lt=1)]
    auto_close_days: Days


class Satisfaction(Part):
    """Where an answer to a survey becomes good or bad news."""

    nps_promoter_from: Annotated[int, Field(strict=True, ge=0, le=10)]
    nps_detractor_to: Annotated[int, Field(strict=True, ge=0, le=10)]
    csat_low_to: Annotated[int, Field(strict=True, ge=1, le=5)]

    @model_validator(mode="after")
    def _in_order(self) -> Satisfaction:
        if self.nps_detractor_to >= self.nps_promoter_from:
            raise ValueError("nps_detractor_to must lie below nps_promoter_from")
        return self


class Points(Part):
    """How points are earned, and when they can be spent and expire."""

    per_unit: Money
    pending_days: Days
    expire_after_months: Annotated[int, Field(strict=True, ge=1, le=1200)]
    expire_at: Literal["end_of_month"]


class Ruleset(Part):
    """A whole ruleset. Two are the same where their digests are."""

    business: Business
    cadence: Cadence
    lifecycle: Lifecycle
    tier: Tier
    churn_risk: ChurnRisk
    ticket: Ticket
    satisfaction: Satisfaction
    points: Points

    def canonical(self) -> str:
        """The one JSON text of this ruleset: keys sorted, numbers in plain decimal, comments gone."""
        return json.dumps(_plain(self.model_dump(by_alias=True)), sort_keys=True, separators=(",", ":"))

    def digest(self) -> str:
        """SHA-256 of the canonical form, in hexadecimal."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()

    @property
    def zone(self) -> ZoneInfo:
        """The business's time zone."""
        return ZoneInfo(self.business.timezone)


def parse_rules(text: str, source: str = "rules") -> Ruleset:
    """The ruleset of a TOML text. Raises InvalidRules, naming `source` and every key that is wrong."""
    try:
        data = read_toml(text)
    except ValueError as error:
        raise InvalidRules(f"{source} is not TOML: {error}") from None
    return validate_rules(data, source)


def validate_rules(data: Mapping[str, Any], source: str = "rules") -> Ruleset:
    """The ruleset of parsed data. Raises InvalidRules, naming `source` and every key that is wrong."""
    try:
        return Ruleset.model_validate(data)
    except ValidationError as error:
        lines = [f"  {line}" for line in islice(_complaints(error), MAX_COMPLAINTS)]
        more = error.error_count() - len(lines)
        lines += [f"  and {more:,} more"] if more else []
        raise InvalidRules("\n".join([f"{source} breaks the grammar of rules:", *lines])) from None


def restore_rules(canonical: str) -> Ruleset:
    """The ruleset that a canonical text stands for."""
    return Ruleset.model_validate(json.loads(canonical, parse_float=Decimal))


def _complaints(error: ValidationError) -> Iterator[str]:
    for detail in error.errors():
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"])
        key = key.lstrip(".").removesuffix(".[key]")
        yield f"{key}: {_complaint(detail)}" if key else _complaint(detail)


def _complaint(detail: ErrorDetails) -> str:
    found = _written(detail["input"])
    match detail["type"]:
        case "extra_forbidden":
            allowed = _keys_of(detail["loc"][:-1])
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


def _keys_of(location: tuple[int | str, ...]) -> list[str]:
    """The keys that the table at a location may have."""
    model: type[BaseModel] = Ruleset
    for part in location:
        if isinstance(part, str):
            info = next(info for name, info in model.model_fields.items() if part in (name, info.alias))
            model = next(_models_in(info.annotation))
    return [info.alias or name for name, info in model.model_fields.items()]


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


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
