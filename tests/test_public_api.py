"""Whatever the library takes and hands out can be named by those who use it."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from types import ModuleType
from typing import Any

import pytest
from msgspec import Struct
from pydantic import BaseModel

import regulars
from regulars import changes, effects, extending, grammar, hooks, measures, person, profile, report, selling, today, web
from regulars.crm import Regulars
from regulars.crm_domain.catalogue import COMMANDS, EVENTS
from regulars.projections.facts.shared import Facts
from regulars.projections.rules.compiled import Rules

DOORS = (
    *(Regulars, regulars.PublishedRules, regulars.Projections, regulars.Keys, regulars.Tokens),
    *(regulars.Users, regulars.WebSessions, hooks.Hooks),
)
PUBLIC: tuple[ModuleType, ...] = (
    *(regulars, changes, hooks, person, profile, grammar),
    *(effects, extending, measures, report, selling, today, web),
)
#: What our own projections judge by; docs/limits.md says that nobody else may count on it.
OURS_ALONE = (Facts, Rules)


def is_ours(thing: type) -> bool:
    return thing.__module__.split(".")[0] == "regulars"


def named(hint: object) -> Iterator[type]:
    """Every class of ours that an annotation is made of."""
    parts = typing.get_args(hint)
    if isinstance(hint, typing.TypeVar):
        parts = (hint.__bound__,)
    origin = typing.get_origin(hint) or hint
    if isinstance(origin, type) and is_ours(origin):
        yield origin
    for part in parts:
        for each in part if isinstance(part, list) else [part]:
            yield from named(each)


def hints_of(documented: object) -> Iterator[type]:
    # crm.py names these for type checkers alone, as their rooms are only imported for those who ask for them.
    apart = {"LogRecorder": regulars.LogRecorder, "Archived": regulars.Archived, "Reported": regulars.Reported}
    for hint in typing.get_type_hints(documented, localns=apart).values():
        yield from named(hint)


def members(owner: type) -> Iterator[Callable[..., object]]:
    """What a class lets others call or ask: its public methods and properties."""
    for name, member in inspect.getmembers_static(owner):
        found = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
        if not name.startswith("_") and inspect.isfunction(found) and found.__module__.split(".")[0] == "regulars":
            yield found
            yield from typing.get_overloads(found)


def led_to(thing: type) -> Iterator[type]:
    """The classes that whoever has one of these comes by: in its fields, and by what it lets them ask."""
    if is_dataclass(thing) or issubclass(thing, Struct | BaseModel):
        fields = {name: hint for name, hint in typing.get_type_hints(thing).items() if not name.startswith("_")}
        for hint in fields.values():
            yield from named(hint)
    if any(each.__module__.startswith("eventsourcing.") for each in thing.__mro__):
        return  # the library says what its recorders have
    if not issubclass(thing, BaseModel):
        for member in members(thing):
            yield from hints_of(member)


def reachable() -> dict[type, str]:
    """Every class of ours that a program comes by, and through what."""
    found: dict[type, str] = {}
    waiting: list[tuple[type, str]] = [(door, "a door of a store") for door in DOORS]
    for name in (*regulars.__all__, "open", "copy"):
        value = getattr(regulars, name)
        if inspect.isfunction(value):
            waiting += [(each, f"{name}()") for each in hints_of(value)]
        elif isinstance(value, type):
            waiting.append((value, "itself"))
    while waiting:
        thing, through = waiting.pop()
        if thing not in found and thing not in OURS_ALONE:
            found[thing] = through
            waiting += [(each, thing.__qualname__) for each in led_to(thing)]
    return found


def exported() -> set[object]:
    return {value for module in PUBLIC for name in module.__all__ if isinstance(value := getattr(module, name), type)}


def test_every_class_that_a_program_comes_by_is_exported() -> None:
    missing = {thing: through for thing, through in reachable().items() if thing not in exported()}
    assert not missing, "\n".join(f"{each.__module__}.{each.__name__}, through {missing[each]}" for each in missing)


def test_the_walk_reaches_far() -> None:
    found = reachable()
    for each in (regulars.Recorded, regulars.AuditEntry, regulars.Reject, person.Line, grammar.Cell, regulars.Poison):
        assert each in found


def test_every_event_and_command_is_exported_under_its_name() -> None:
    for each in (*EVENTS.values(), *COMMANDS.values()):
        assert getattr(regulars, each.__name__) is each


@pytest.mark.parametrize("module", PUBLIC, ids=lambda module: module.__name__)
def test_every_class_that_is_exported_says_what_it_is(module: ModuleType) -> None:
    for name in module.__all__:
        value = getattr(module, name)
        if isinstance(value, type):
            assert value.__doc__, name


def test_the_reference_names_everything_that_is_exported() -> None:
    from reference import reference

    page = reference()
    for module in PUBLIC:
        for name in module.__all__:
            if inspect.isfunction(getattr(module, name)):
                assert f"\n### {module.__name__}.{name}\n" in page, name
            elif not name.startswith("__"):
                assert f"`{name}`" in page or f"`{module.__name__}.{name}`" in page, name


def test_the_reference_names_every_door_with_its_parameters() -> None:
    from reference import DOORS as PATHS
    from reference import reference

    page = reference()
    assert set(PATHS.values()) == set(DOORS)
    for path, door in PATHS.items():
        for name, member in vars(door).items():
            if not name.startswith("_"):
                told = page.split(f"\n### {path}.{name}\n")[1].split("\n#")[0]
                found = () if isinstance(member, property) else inspect.signature(member).parameters
                assert all(f"{each}: " in told for each in found if each != "self"), (path, name)


def test_the_reference_names_every_command_of_the_command_line_with_its_options() -> None:
    import typer.main

    from reference import pages
    from regulars.cli.app import app

    def listed(command: Any, path: str) -> Iterator[tuple[str, Any]]:
        yield path, command
        for name, inner in getattr(command, "commands", {}).items():
            yield from listed(inner, f"{path} {name}")

    page = pages()["reference-command-line.md"]
    for path, command in listed(typer.main.get_command(app), "regulars"):
        told = page.split(f"\n## {path}\n")[1].split("\n## ")[0]
        options = [each for parameter in command.params if not parameter.hidden for each in parameter.opts]
        assert all(option in told for option in options if option.startswith("-")), path
