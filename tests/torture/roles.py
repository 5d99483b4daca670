"""Roles on PostgreSQL with any subset of grants open, ask and write, while the owner publishes, rebuilds and prunes.

What comes of it is a right answer or one sentence, and what was acknowledged is there.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError

from regulars import Regulars, RegularsError, parse_rules
from regulars.adapters.schema.build_views import view_names
from regulars.adapters.schema.builds import FACTS, build_tables
from regulars.adapters.schema.tables import Schema
from regulars.projections.registry import REGISTRY
from torture.journal import Told, positions_of
from torture.shop import CUSTOMERS, fresh_store, open_shop, opened, require_kept, require_sound, some_trade
from torture.tally import Tally
from torture.trying import require_sentence

ROLES = 4
QUESTIONS = 6
PUBLICATIONS = 3
SCHEMA = Schema(is_sqlite=False)
BUILT = [
    each.name for each in build_tables({FACTS: 1} | {each.name: 1 for each in REGISTRY.projectors}, REGISTRY).tables
]
VIEWS = view_names(SCHEMA, REGISTRY)
PRIVILEGES = ("SELECT", "SELECT", "SELECT, INSERT, UPDATE, DELETE", "SELECT, INSERT, UPDATE, DELETE")


class Outcomes:
    """What the roles were answered, refused and acknowledged."""

    def __init__(self) -> None:
        self.refused = 0
        self.failures: list[BaseException] = []
        self.told: list[Told] = []


def run(url: str, *statements: str) -> list[Any]:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        done = [connection.exec_driver_sql(statement) for statement in statements]
        return [each.all() for each in done if each.returns_rows]


def some_grants(dice: Random, role: str) -> Iterator[str]:
    """Any subset, of which most lack one or two."""
    for table in (*SCHEMA.names, *BUILT, *VIEWS):
        if dice.random() < 0.9:
            yield f"GRANT {dice.choice(PRIVILEGES)} ON {table} TO {role}"
        elif table == "regulars_keys" and dice.random() < 0.5:
            yield f"GRANT SELECT (customer_id) ON regulars_keys TO {role}"
    if dice.random() < 0.8:
        yield f"GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO {role}"
    if dice.random() < 0.2:
        yield f"REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM {role}"


@contextmanager
def some_roles(url: str, dice: Random) -> Iterator[list[str]]:
    """The URLs of roles with any grants."""
    names = [f"torture_{uuid4().hex}" for _ in range(ROLES)]
    for name in names:
        run(url, f"CREATE ROLE {name} LOGIN PASSWORD 'secret'", *some_grants(dice, name))
    try:
        yield [make_url(url).set(username=n, password="secret").render_as_string(hide_password=False) for n in names]
    finally:
        for name in names:
            run(url, f"REASSIGN OWNED BY {name} TO CURRENT_USER", f"DROP OWNED BY {name}", f"DROP ROLE {name}")


def names_are_right(crm: Regulars) -> None:
    """Everybody is listed, and has the name that they have or, for who may not read it, none."""
    found = list(crm.customers(limit=1_000))
    assert len(found) >= CUSTOMERS
    if crm.names_readable:
        named = {each.ref: each.name for each in found}
        assert all(named[f"shop:{number}"] == f"Customer {number}" for number in range(CUSTOMERS))
    else:
        assert {(each.ref, each.name) for each in found} == {(None, None)}


def one_is_right(crm: Regulars) -> None:
    found = crm.customer("shop:0")
    assert found.name == ("Customer 0" if crm.names_readable else None)
    assert found.explain().verdicts
    assert found.timeline().lanes


def the_audit_is_right(crm: Regulars) -> None:
    assert len(crm.audit(oldest_first=True, limit=3 * CUSTOMERS)) == 3 * CUSTOMERS


def the_status_is_right(crm: Regulars) -> None:
    assert crm.status().events >= 3 * CUSTOMERS


QUESTIONS_OF = (names_are_right, one_is_right, the_audit_is_right, the_status_is_right)


def require_one_line(error: Exception) -> None:
    require_sentence(error)
    assert "\n" not in str(error), error


def try_it(outcomes: Outcomes, what: Callable[[], object]) -> None:
    try:
        what()
    except RegularsError as error:
        require_one_line(error)
        outcomes.refused += 1


def act(url: str, name: str, dice: Random, outcomes: Outcomes) -> None:
    """Open, ask and write, again and again."""
    told = Told()
    outcomes.told.append(told)
    try:
        for number in range(QUESTIONS):
            try_it(outcomes, lambda number=number: ask_and_write(url, name, number, dice, outcomes, told))  # type: ignore[misc]
            view = dice.choice(VIEWS)
            may = run(url, f"SELECT has_table_privilege('{view}', 'SELECT')")[0][0][0]
            try:
                run(url, f"SELECT count(*) FROM {view}")
                assert may
            except ProgrammingError:
                assert not may
    except BaseException as error:
        outcomes.failures.append(error)


def ask_and_write(url: str, name: str, number: int, dice: Random, outcomes: Outcomes, told: Told) -> None:
    with opened(url, actor=name) as crm:
        try_it(outcomes, lambda: dice.choice(QUESTIONS_OF)(crm))
        commands = some_trade(dice, name, number)
        told.asked[number] = tuple(commands)
        try:
            told.acknowledged[number] = positions_of(crm.do(commands))
        except RegularsError as error:
            told.refused[number] = str(error)
            raise
        try_it(outcomes, lambda: dice.choice(QUESTIONS_OF)(crm))


def publish(url: str, turn: int) -> None:
    """What the owner does meanwhile."""
    text = resources.files("regulars").joinpath("rules.toml").read_text("utf-8")
    rules = parse_rules(text.replace("window_days = 365", f"window_days = {300 + turn}"), "these")
    with opened(url) as crm:
        crm.rules.publish(rules, reason=f"turn {turn}")
        crm.projections.rebuild()
        crm.projections.prune()


def roles(server: str, rounds: int, dice: Random) -> Tally:
    """Some roles each round, none of which can do what the others can."""
    tally = Tally()
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder, fresh_store("postgres", server, Path(folder)) as url:
            open_shop(url)
            outcomes = Outcomes()
            with some_roles(url, dice) as theirs:
                threads = [
                    threading.Thread(target=act, args=(each, f"role{place}", Random(dice.random()), outcomes))
                    for place, each in enumerate(theirs)
                ]
                for thread in threads:
                    thread.start()
                for turn in range(PUBLICATIONS):
                    publish(url, turn)
                for thread in threads:
                    thread.join()
            assert not outcomes.failures, outcomes.failures
            with opened(url) as crm:
                require_sound(crm)
                checked = require_kept(crm, outcomes.told)
                crm.catch_up()
                require_sound(crm)
        tally += Tally(rounds=1, faults=outcomes.refused, acknowledged=checked)
    return tally
