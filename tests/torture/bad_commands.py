"""Commands and questions by the library, with values of any kind and size."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st
from pydantic import ValidationError

from regulars import Regulars, RegularsError
from regulars.crm_domain.catalogue import COMMANDS
from regulars.crm_domain.explain_invalid import sentence
from torture.hostile import PEOPLE, TIMES, anything, fields, names, texts
from torture.shop import opened
from torture.tally import Tally
from torture.trying import require_sentence, shop, tried


def hostile_commands(kind: str, server: str | None, rounds: int, dice: Random) -> Tally:
    """Commands with fields of any kind and size, and questions with any text."""
    with shop(kind, server) as (url, _), opened(url) as crm:
        example = names.flatmap(lambda name: st.tuples(st.just(name), fields(name, anything)))
        tried(example, lambda pair: _do(crm, *pair), rounds, dice)
        asked = st.tuples(st.sampled_from(sorted(QUESTIONS)), texts)
        tried(asked, lambda pair: _ask(lambda: QUESTIONS[pair[0]](crm, pair[1])), rounds, dice)
        timed = st.tuples(st.sampled_from(sorted(QUESTIONS_OF_TIME)), st.sampled_from(TIMES))
        tried(timed, lambda pair: _ask(lambda: QUESTIONS_OF_TIME[pair[0]](crm, pair[1])), rounds, dice)
    return Tally(rounds=rounds, faults=3 * rounds)


def _do(crm: Regulars, name: str, given: dict[str, Any]) -> None:
    try:
        command = COMMANDS[name](**given)
    except ValidationError as error:
        require_sentence(ValueError(sentence(error)))
        return
    except TypeError:  # what Python itself says to a name that no argument can have
        assert any(not isinstance(key, str) for key in given)
        return
    try:
        crm.do(command)
    except RegularsError as error:
        require_sentence(error)


QUESTIONS: dict[str, Callable[[Regulars, str], object]] = {
    "customer": lambda crm, text: crm.customer(text),
    "find": lambda crm, text: crm.find(text),
    "history": lambda crm, text: crm.history(text, "email"),
    "history of": lambda crm, text: crm.history(PEOPLE[0], text),
    "points": lambda crm, text: crm.points(text),
    "audit of": lambda crm, text: crm.audit(customer=text),
    "audit by": lambda crm, text: crm.audit(actor=text),
    "audit type": lambda crm, text: crm.audit(type=text),
    "audit belonging": lambda crm, text: crm.audit(correlation_id=text),
    "stage": lambda crm, text: crm.customers(stage=text),
    "tier": lambda crm, text: crm.customers(tier=text),
    "band": lambda crm, text: crm.customers(risk_band=text),
    "after": lambda crm, text: crm.customers(after=text),
    "tickets of": lambda crm, text: crm.tickets(customer=text),
    "tickets being": lambda crm, text: crm.tickets(status=text),
    "tickets after": lambda crm, text: crm.tickets(after=text),
    "duplicates after": lambda crm, text: crm.duplicates(after=text),
    "repair": lambda crm, text: crm.projections.repair(customer=text),
    "repair projection": lambda crm, text: crm.projections.repair(projection=text),
}


QUESTIONS_OF_TIME: dict[str, Callable[[Regulars, Any], object]] = {
    "customer as of": lambda crm, time: crm.customer(PEOPLE[0], as_of=time).explain(),
    "customer known at": lambda crm, time: crm.customer(PEOPLE[0], known_at=time),
    "customers as of": lambda crm, time: crm.customers(as_of=time),
    "becoming": lambda crm, time: crm.customers(becoming={"stage": "at_risk"}, within=timedelta(days=9), as_of=time),
    "within": lambda crm, time: crm.customers(becoming={"stage": "at_risk"}, within=timedelta.max),
    "tickets as of": lambda crm, time: crm.tickets(as_of=time),
    "tickets within": lambda crm, time: crm.tickets(breaching_within=timedelta.max),
    "points as of": lambda crm, time: crm.points(PEOPLE[0], as_of=time),
    "audit since": lambda crm, time: crm.audit(since=time),
    "audit until": lambda crm, time: crm.audit(until=time),
    "audit recorded since": lambda crm, time: crm.audit(recorded_since=time),
    "audit after": lambda crm, time: crm.audit(after=2**80),
    "rules": lambda crm, time: crm.customer(PEOPLE[0], rules=2**80),
}


def _ask(question: Callable[[], object]) -> None:
    with suppress(RegularsError, ValueError):
        question()
