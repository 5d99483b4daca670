"""What every command shares: its fields, the kinds of text it takes, and how it is decided."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Generic, Literal, TypeVar

from msgspec import Struct
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import CoreSchema, core_schema

from regulars.crm_domain.chronology import Chronology
from regulars.crm_domain.contact.phone import NUMBER
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event
from regulars.crm_domain.explain_invalid import expectation
from regulars.crm_domain.instant import SECOND, to_datetime, to_instant
from regulars.crm_domain.money import plain_decimal
from regulars.crm_domain.points import BonusRule, PointsPolicy

# A clock that runs a little ahead is forgiven and clamped to now; anything later is refused.
FUTURE_TOLERANCE = 5 * 60 * SECOND
EARLIEST = to_instant(datetime.fromisoformat("1900-01-01T00:00:00+00:00"))

_MAX_AMOUNT_TEXT = 100
_MAX_PHONE = 40
_DAY_TEXT = len("2026-03-01")
_YEARS = range(1900, 9_999)  # in the last one, a zone's offset may lead out of the calendar
_ID_PREFIX = "id:"
_ID = re.compile(r"[0-9a-f]{32}")


class CustomerId(str):
    """A customer's id in the store (32 hexadecimal digits), where a bare string would be an outside reference."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"CustomerId({str(self)!r})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        written = core_schema.plain_serializer_function_ser_schema(cls._write)
        return core_schema.no_info_plain_validator_function(cls._parse, serialization=written)

    @classmethod
    def _parse(cls, value: object) -> CustomerId:
        text = value.removeprefix(_ID_PREFIX) if isinstance(value, str) else ""
        if (isinstance(value, CustomerId) or text != value) and _ID.fullmatch(text):
            return cls(text)
        raise ValueError("expected a CustomerId, or text of the form id:<32 hexadecimal digits>")

    @staticmethod
    def _write(value: str) -> str:
        return _ID_PREFIX + value if isinstance(value, CustomerId) else value


def _without(categories: frozenset[str], allowed: str = "") -> AfterValidator:
    def check(text: str) -> str:
        if text.isprintable():  # then nothing of any of these categories is in it
            return text
        for character in text:
            if unicodedata.category(character) in categories and character not in allowed:
                raise ValueError(f"the character U+{ord(character):04X} is not allowed here")
        return text

    return AfterValidator(check)


_UNPRINTED = frozenset({"Cc", "Cs"})


def _exact_amount(value: object) -> Decimal:
    if isinstance(value, bool | float) or not isinstance(value, Decimal | str | int):
        raise ValueError('money is a Decimal or text such as "59.90", never a float')
    try:
        if not isinstance(value, str) or len(value) <= _MAX_AMOUNT_TEXT:
            return plain_decimal(value) if isinstance(value, str) else Decimal(value)
    except (ValueError, InvalidOperation):
        pass
    raise ValueError('money is a Decimal or text such as "59.90"')


def _plain_whole(value: object) -> object:
    if isinstance(value, str) and ("_" in value or not value.isascii()):
        raise ValueError("a whole number is written with the digits 0 to 9, such as 1000")
    return value


def _parse_moment(value: object) -> object:
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            pass
    if not isinstance(value, datetime):
        raise ValueError("a time is a datetime with a zone, or text such as 2026-03-01T12:00:00+01:00")
    return value


def _parse_day(value: object) -> date:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ValueError("a day is a date, or text such as 1990-12-10")
    return value


def _parse_when(value: object) -> object:
    if isinstance(value, str):
        with suppress(ValueError):
            value = date.fromisoformat(value) if len(value) == _DAY_TEXT else datetime.fromisoformat(value)
    if not isinstance(value, date) or (isinstance(value, datetime) and value.tzinfo is None):
        raise ValueError("expected a day such as 2026-03-01, or a time with its zone such as 2026-03-01T12:00:00+01:00")
    if value.year not in _YEARS:
        raise ValueError(f"a day or a time lies in the years {_YEARS[0]} to {_YEARS[-1]}")
    return value


#: One line of text, for words that decide or group: at most 200 characters, no control characters.
Label = Annotated[
    str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True), _without(_UNPRINTED | {"Zl", "Zp"})
]
#: Free text: at most 10,000 characters; line breaks and tabs are welcome.
Text = Annotated[str, StringConstraints(min_length=1, max_length=10_000), _without(_UNPRINTED, "\n\r\t")]
Email = Annotated[
    str,
    StringConstraints(max_length=254, strip_whitespace=True, pattern=r"^[^@\s]+@[^@\s]+$"),
    _without(_UNPRINTED),
]
Phone = Annotated[str, StringConstraints(max_length=_MAX_PHONE, strip_whitespace=True, pattern=rf"^{NUMBER.pattern}$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
#: An exact amount; whatever it is given as, the command holds a Decimal.
Amount = Annotated[Decimal | str, BeforeValidator(_exact_amount)]
#: A whole number; as text it is written plainly, not as Python would write 1_000.
Whole = Annotated[int, BeforeValidator(_plain_whole)]
Moment = Annotated[AwareDatetime, BeforeValidator(_parse_moment)]
Day = Annotated[date, BeforeValidator(_parse_day)]
#: A day, as a date, or a time.
When = Annotated[AwareDatetime | date, BeforeValidator(_parse_when)]


def _within_reach(day: date) -> date:
    if not date(1900, 1, 1) <= day <= _LAST_DAY:
        raise ValueError(f"a day of the business lies between 1900 and {_LAST_DAY.year}")
    return day


_LAST_DAY = date(2999, 12, 31)
#: A day on which something begins or ends in the business, as its zone has it.
BusinessDay = Annotated[Day, AfterValidator(_within_reach)]


_labels: TypeAdapter[str] = TypeAdapter(Label)


def require_label(text: str, what: str) -> str:
    """One line of text as a Label is. Raises ValueError, which names `what` it was to be."""
    try:
        return _labels.validate_python(text)
    except ValidationError as error:
        said = expectation(error.errors()[0])
        raise ValueError(f"{what} is one line of at most 200 characters: {said}") from None


def is_phone(text: str) -> bool:
    """Whether a text is a phone number, as a Phone is."""
    return len(text) <= _MAX_PHONE and NUMBER.fullmatch(text) is not None


def _refuse_id(reference: str) -> str:
    if reference.startswith(_ID_PREFIX):
        raise ValueError("an outside reference can't start with id:")
    return reference


#: A customer's key in the world outside, such as a shop's number; personal, found by keyed hash.
Reference = Annotated[Label, AfterValidator(_refuse_id)]
Channel = Literal["email", "phone", "sms", "post", "chat", "visit", "social", "other"]
Who = Annotated[CustomerId | Reference, Field(union_mode="left_to_right")]


class Command(BaseModel):
    """A wish to have something happen. Frozen; unknown fields are refused.

    `occurred_at` defaults to now. `reason` is free text, kept encrypted. A `command_id` makes a retry harmless:
    the same id with the same fields returns the first outcome, with other fields it is refused.
    """

    # What was given may be personal, and errors end up in logs; `explain_invalid` shows it to whoever typed it.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)

    occurred_at: Moment | None = None
    reason: Text | None = None
    command_id: Label | None = None


class TicketPolicy(Struct, frozen=True, kw_only=True):
    """What the rules in force say that decides on tickets: a resolved one counts as closed after so many days."""

    auto_close_days: int


class PipelinePolicy(Struct, frozen=True, kw_only=True):
    """What the rules in force say that decides on opportunities: a pipeline, and its stages in order."""

    id: str
    stages: tuple[str, ...]


class Context(Struct, frozen=True, kw_only=True):
    """What a decision may know beside its command and its stream.

    `now` (instant), the store's currency, and of the rules in force what decides: on points, on tickets, on
    opportunities (no pipelines where they have none), and the digest of them all; the `zone` in which the business's
    days begin; after how many microseconds a customer may be asked again; the ids of the rules of `care`, and which of
    them are of `birthdays`; the ids of the `segments`; by which rules bonus points are earned. Where a command is about
    another event, `said_at` is the instant of that; where it issues a code, `drawn_code` is one drawn at random.
    """

    now: int
    currency: str | None = None
    points: PointsPolicy | None = None
    rules_digest: str | None = None
    tickets: TicketPolicy | None = None
    pipelines: tuple[PipelinePolicy, ...] = ()
    zone: str = "UTC"
    ask_again: int | None = None
    care: tuple[str, ...] = ()
    birthdays: frozenset[str] = frozenset()
    segments: tuple[str, ...] = ()
    earn: tuple[BonusRule, ...] = ()
    said_at: int | None = None
    drawn_code: str | None = None


def currency_of(stated: str | None, context: Context) -> str:
    """The currency of an amount: the one that is stated, or else the store's.

    Raises Rejected `no_currency` where there is neither, `other_currency` for another one than the store's.
    """
    currency = stated or context.currency
    if currency is None:
        raise Rejected("no_currency", "this store has no currency yet; give one with the amount or when opening it")
    if context.currency not in (None, currency):
        raise Rejected("other_currency", f"this store keeps its books in {context.currency}, not in {currency}")
    return currency


S = TypeVar("S")


class Decider(Struct, Generic[S], frozen=True, kw_only=True):
    """One aggregate as data: the category of its streams, its initial state, and its two functions.

    With a `chronology` a command is decided on the fold, in order of time, of what happened up to its own instant;
    without one on the fold of all that was recorded, in that order.
    """

    category: str
    initial: S
    evolve: Callable[[S, Any], S]
    decide: Callable[[Any, S, Context], tuple[Event, ...]]
    chronology: Chronology | None = None


def now_after(last_at: int | None, now: int) -> int:
    """The instant that now is after another: as late, where that lies a little ahead.

    So it does where another clock runs ahead, and where somebody wrote between our look at the clock and at the store.
    """
    return last_at if last_at is not None and now < last_at <= now + FUTURE_TOLERANCE else now


def strictly_after(last_at: int | None, now: int) -> int:
    """When something happens that names no time: now, or a microsecond after its stream's last event, where that lies
    no earlier and at most a little ahead.
    """
    return last_at + 1 if last_at is not None and now <= last_at <= now + FUTURE_TOLERANCE else now


def occurred_at(command: Command, now: int) -> int:
    """The instant a command speaks of: its own, or now.

    Raises Rejected `in_the_future` beyond five minutes from now, `too_long_ago` before 1900.
    """
    return now if command.occurred_at is None else instant_told(command.occurred_at, now)


def instant_told(moment: datetime, now: int) -> int:
    """The instant of a moment that somebody tells at `now`, and at most that.

    Raises Rejected `in_the_future` beyond five minutes from now, `too_long_ago` before 1900.
    """
    at = to_instant(moment)
    if at > now + FUTURE_TOLERANCE:
        sentence = f"{moment.isoformat()} lies in the future; it is {to_datetime(now).isoformat()} now"
        raise Rejected("in_the_future", sentence)
    if at < EARLIEST:
        raise Rejected("too_long_ago", f"{moment.isoformat()} lies before 1900")
    return min(at, now)
