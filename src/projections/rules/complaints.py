"""What breaks the grammar of rules, in sentences that name the key, what was found, and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from regulars.crm_domain.explain_invalid import expectation
from regulars.projections.parts import models_in, suggestion

MAX_COMPLAINTS = 50


def complaints(error: ValidationError, grammar: type[BaseModel]) -> Iterator[str]:
    """A sentence for each key that is wrong."""
    for detail in error.errors():
        if _is_false(detail):
            continue
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"])
        key = key.lstrip(".").removesuffix(".[key]")
        complaint = _complaint(detail, grammar)
        yield f"{key}: {complaint}" if key else complaint


def _is_false(detail: ErrorDetails) -> bool:
    """Whether it only follows from others: what is wrong in a list was taken for missing from it."""
    given = detail["input"]
    return (
        detail["type"] == "too_short" and isinstance(given, list | tuple) and len(given) >= detail["ctx"]["min_length"]
    )


def _complaint(detail: ErrorDetails, grammar: type[BaseModel]) -> str:
    found = _written(detail["input"])
    match detail["type"]:
        case "extra_forbidden":
            allowed = _keys_of(detail["loc"][:-1], grammar)
            return f"unknown key{suggestion(str(detail['loc'][-1]), allowed)}; allowed: {', '.join(allowed)}"
        case "missing":
            return "is missing"
        case "literal_error":
            words = re.findall(r"'([^']*)'", str(detail.get("ctx", {}).get("expected", "")))
            return f"found {found}, allowed: {', '.join(words)}{suggestion(str(detail['input']), words)}"
        case "value_error":
            said = expectation(detail)
            return said if isinstance(detail["input"], dict) else f"found {found}; {said}"
        case "string_pattern_mismatch":
            return f"found {found}; expected lower-case letters, digits, - and _, beginning with a letter (a-z)"
        case "too_short":
            least = detail["ctx"]["min_length"]
            return f"found {found}; expected a list of at least {least} item{'' if least == 1 else 's'}"
        case "tuple_type" | "list_type":
            return f"found {found}; expected a list"
        case "model_type" | "dict_type":
            return f"found {found}; expected a table"
        case _:
            return f"found {found}; {expectation(detail)}"


def _written(value: object) -> str:
    """A value as it would stand in a TOML file, cut off after 60 characters."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f'"{value[:60]}"'
        case _:
            return str(value)[:60]


def _keys_of(location: tuple[int | str, ...], grammar: type[BaseModel]) -> list[str]:
    """The keys that the table at a location may have."""
    model: type[BaseModel] = grammar
    for part in location:
        if isinstance(part, str):
            info = next(info for name, info in model.model_fields.items() if part in (name, info.alias))
            model = next(models_in(info.annotation))
    return [info.alias or name for name, info in model.model_fields.items()]
