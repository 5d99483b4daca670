"""Answering a call: the store is opened for it alone, and asked at one moment."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import repeat
from typing import Any

import msgspec
from msgspec import Struct
from pydantic import ValidationError

from regulars.adapters.logs import STORE
from regulars.asking.dicts import plain
from regulars.asking.snapshot import Snapshot
from regulars.assistants.tools import Tool
from regulars.crm import Regulars
from regulars.crm_domain.errors import RegularsError, StoreBusy
from regulars.crm_domain.explain_invalid import sentence
from regulars.session.clock import Clock, system_clock

#: Opens the store for one call, by the clock of that call.
Opening = Callable[[Clock], Regulars]

_TRIES = 3


class HoldsFor(Struct, frozen=True, kw_only=True):
    """What an answer holds for: who asks the same with these axes, while the log ends at `position`, is answered the
    same.

    `as_of` is that of the question, or else the moment of the call; None for a question that has no such axis. Of a day
    it is the end. `known_at` None is everything up to `position`; `rules` is the digest of those that judged. Lists
    know of the events up to `folded`, and of all where `behind` is 0; `generation` is that of the read models.
    """

    asked_at: datetime
    as_of: Any
    known_at: Any
    rules: str
    position: int
    folded: int
    behind: int
    generation: int


class Answer(Struct, frozen=True, kw_only=True):
    """What was asked, by which tool and with which input, what the answer holds for, and the answer itself."""

    asked: Mapping[str, Any]
    holds_for: HoldsFor
    answer: Any


def answer(opening: Opening, tool: Tool, given: Mapping[str, Any], clock: Clock = system_clock) -> Answer:
    """The answer of a tool.

    Raises ValidationError and ValueError for input that the question doesn't take, StoreBusy where others wrote
    meanwhile, time and again, and whatever the question raises.
    """
    taken = tool.takes.model_validate_json(msgspec.json.encode(given), strict=True).given()
    has_as_of = "as_of" in tool.takes.model_fields
    for _ in range(_TRIES):
        moment = clock()
        with opening(repeat(moment).__next__) as crm:
            before, behind = crm.snapshot(), crm.behind
            found = plain(tool.asks(crm, **taken))
            rules = crm.rules.judging(known_at=taken.get("known_at"), rules=taken.get("rules")).digest()
            if crm.snapshot() == before:
                holds_for = HoldsFor(
                    asked_at=moment,
                    as_of=taken.get("as_of", moment) if has_as_of else None,
                    known_at=taken.get("known_at"),
                    rules=rules,
                    behind=behind,
                    **_fields(before),
                )
                return Answer(asked={"tool": tool.name, **given}, holds_for=holds_for, answer=found)
    raise StoreBusy("others wrote to the store while it was asked, so the answer may be of no one moment; ask again")


def _fields(snapshot: Snapshot) -> dict[str, int]:
    return {name: getattr(snapshot, name) for name in snapshot.__struct_fields__}


def sentence_of(error: Exception) -> str:
    """What went wrong, as a sentence; of what nobody foresaw, the log says where, and not its message."""
    if isinstance(error, ValidationError):
        return sentence(error)
    # What a question can't take, it says by a ValueError; one of a subclass, such as of decoding, is our own mistake.
    if isinstance(error, RegularsError) or type(error) is ValueError:
        return str(error)
    places = traceback.extract_tb(error.__traceback__)
    where = f"{places[-1].filename}:{places[-1].lineno}" if places else "nowhere"
    STORE.error("a tool failed: %s at %s", type(error).__name__, where)
    return f"something went wrong inside Regulars ({type(error).__name__}); the same may work with other input"
