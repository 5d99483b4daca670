"""What tables of the rules are made of: a strict model, and numbers, words and steps within bounds."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StringConstraints

from regulars.crm_domain.money import plain_decimal
from regulars.crm_domain.money import plain_number as plain_number

MAX_DAYS = 36_500
# After the last event a verdict may change 64 times by itself, so the rules must not ask for more.
MAX_STEPS = 60


class Part(BaseModel):
    """A table of the file. Frozen; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def canonical(self) -> str:
        """The one JSON text of this table: keys sorted, numbers in plain decimal, comments gone."""
        return canonical_json(self.model_dump(by_alias=True))


def exact_number(value: object) -> object:
    """A number as it was written, exactly. Raises ValueError for one that was rounded before it came."""
    if isinstance(value, bool | float):
        raise ValueError("expected a whole or decimal number")
    return plain_decimal(value) if isinstance(value, str) else value


def amount_text(value: object) -> object:
    """An amount of money, which stands in quotes. Raises ValueError for anything else."""
    if not isinstance(value, str | Decimal):
        raise ValueError('expected an amount in quotes, such as "150.00"')
    return plain_decimal(value) if isinstance(value, str) else value


# Without a limit on digits, a tiny exponent would be written out as a text that fills the memory.
FewDigits = Field(max_digits=60, decimal_places=40, allow_inf_nan=False)
Number = Annotated[Decimal, BeforeValidator(exact_number), FewDigits, Field(ge=0, le=10**9)]
Positive = Annotated[Decimal, BeforeValidator(exact_number), FewDigits, Field(gt=0, le=MAX_DAYS)]
Days = Annotated[int, Field(strict=True, ge=0, le=MAX_DAYS)]
WindowDays = Annotated[int, Field(strict=True, ge=1, le=MAX_DAYS)]
Score = Annotated[int, Field(strict=True, ge=0, le=100)]
Weight = Annotated[Decimal, BeforeValidator(exact_number), FewDigits, Field(ge=0, le=1000)]
# Money is text in a file, so it is text in what a ruleset is dumped to, where other numbers are Decimals.
Money = Annotated[
    Decimal,
    BeforeValidator(amount_text),
    PlainSerializer(plain_number),
    FewDigits,
    Field(ge=0, le=10**9),
]


Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Step = tuple[Number, Score]
Steps = Annotated[tuple[Step, ...], Field(min_length=1, max_length=MAX_STEPS)]


def require_unique(what: str, values: list[str], *, where: str = "") -> None:
    """Raise ValueError for a value that comes twice; `where` ends the sentence."""
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f'the {what} "{value}" is used twice{where}')


def require_rising(what: str, values: list[Decimal]) -> None:
    """Raise ValueError for a value that isn't more than the one before it."""
    for lower, higher in pairwise(values):
        if higher <= lower:
            raise ValueError(f"{what} must rise, but {higher} follows {lower}")


def suggestion(word: str, allowed: Iterable[str]) -> str:
    """The allowed word that was meant, as the end of a sentence; nothing where none is near."""
    by_lower_case = {each.lower(): each for each in allowed}
    close = difflib.get_close_matches(word.lower(), by_lower_case, n=1)
    return f'; did you mean "{by_lower_case[close[0]]}"?' if close else ""


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a key's type is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


def canonical_json(data: object) -> str:
    """The one JSON text of a table, or of several: keys sorted, numbers in plain decimal, what isn't there left out."""
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
