"""Giving commands over HTTP: one, or several in one transaction, under the name of their token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from regulars.asking.dicts import plain
from regulars.crm import Regulars
from regulars.crm_domain.catalogue import Catalogue
from regulars.crm_domain.command import Command
from regulars.crm_domain.event import tag_of
from regulars.crm_domain.instant import to_datetime
from regulars.doing.outcomes import Outcome
from regulars.upkeep.tokens import Token
from regulars.web.api.problems import Problem
from regulars.web.api.requests import require_allowed
from regulars.wording.sentences import describe

#: The key of a batch's command that names it, as in JSON lines that are imported.
DO = "do"


class RecordedNow(Struct, frozen=True, kw_only=True):
    """An event that a command led to."""

    position: int
    type: str
    occurred_at: str
    actor: str
    what: str


class Done(Struct, frozen=True, kw_only=True):
    """What came of a command.

    `changed` is false where nothing needed to happen, and where it is `replayed`: the first outcome of the same command
    again. `notices` are sentences on what was recorded although the rules ask for otherwise.
    """

    customer_id: str
    changed: bool
    replayed: bool
    position: int | None
    events: tuple[RecordedNow, ...]
    notices: tuple[str, ...]


class DoneTogether(Struct, frozen=True, kw_only=True):
    """What came of the commands of a batch, in their order."""

    outcomes: tuple[Done, ...]


def catalogue_of(crm: Regulars) -> Catalogue:
    """What can be recorded in a store, by its extensions, too."""
    return crm._store.registry.catalogue


def one(crm: Regulars, model: type[Command], body: bytes, token: Token, key: str | None, since: int | None) -> Done:
    """Carry out one command. Raises ValidationError, Problem, and what `Regulars.do` raises."""
    command = _scoped(model.model_validate_json(body, strict=True), token, key)
    return done(crm.as_actor(token.name).do(command, unchanged_since=since), catalogue_of(crm))


def several(crm: Regulars, given: Sequence[Any], token: Token, since: int | None) -> DoneTogether:
    """Carry out the commands of a batch in one transaction. Raises as `one` does."""
    commands = [_named(catalogue_of(crm).commands, each, token, index) for index, each in enumerate(given)]
    outcomes = crm.as_actor(token.name).do(commands, unchanged_since=since)
    return DoneTogether(outcomes=tuple(done(each, catalogue_of(crm)) for each in outcomes))


def _named(known: Mapping[str, type[Command]], given: Any, token: Token, index: int) -> Command:
    name = given.get(DO) if isinstance(given, dict) else None
    if not isinstance(name, str) or name not in known:
        raise Problem(422, "invalid", f'commands[{index}]: "{DO}" names a command, such as AddNote')
    require_allowed(token, name)
    fields = {key: value for key, value in given.items() if key != DO}
    return _scoped(known[name].model_validate_json(msgspec.json.encode(fields), strict=True), token, None)


def _scoped(command: Command, token: Token, key: str | None) -> Command:
    """The command with the id that stands for a token's own: another token's same id is another one.

    Raises Problem 400 where a header and the body both have one.
    """
    if key is not None and command.command_id is not None:
        raise Problem(400, "bad_key", "Idempotency-Key and command_id are the same thing; one of them is enough")
    own = key or command.command_id
    if own is None:
        return command
    if len(own) > 128:
        raise Problem(400, "bad_key", "a command_id has at most 128 characters here")
    return command.model_copy(update={"command_id": f"{token.id}:{own}"})


def done(outcome: Outcome, catalogue: Catalogue) -> Done:
    """What came of a command, in the words of the audit."""
    events = tuple(
        RecordedNow(
            position=each.position,
            type=tag_of(type(each.event)),
            occurred_at=to_datetime(each.occurred_at).isoformat(),
            actor=each.actor,
            what=describe(each.event, catalogue),
        )
        for each in outcome.events
    )
    return Done(
        customer_id=plain(outcome.customer_id),
        changed=bool(events) and not outcome.replayed,
        replayed=outcome.replayed,
        position=outcome.position,
        events=events,
        notices=outcome.notices,
    )
