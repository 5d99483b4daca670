"""Each stored value overwritten, one at a time: what is asked or told then is answered, or refused in a sentence."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

import regulars
from databases import copied_postgres, fresh_postgres, in_memory
from regulars import (
    CancelMembership,
    EnrollMember,
    GiveConsent,
    MergeCustomers,
    OpenTicket,
    RecordPurchase,
    RegisterCustomer,
    Regulars,
    RegularsError,
    StaleProjections,
    TagCustomer,
)
from regulars.adapters.store.rules_text import as_toml
from regulars.projections.registry import REGISTRY
from shops import with_edits
from torture.command_line import Said, require_harmless, say
from torture.killed_imports import MAPPING
from torture.tally import Tally
from torture.trying import PATIENCE, at_most, require_sentence

WHO = ("shop:1", "shop:2", "shop:3", "shop:4", "shop:5")
NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
FILE = """customer,name,order,amount,member
11,Ada,N-1,5.00,no
12,Customer 3,N-2,much,no
13,Nobody,N-3,more,yes
"""

#: What follows from the log in generations: whatever is done to it, a rebuild makes it what it was.
READ_MODELS = tuple(f"regulars_{each.name}_" for each in (*REGISTRY.fact_sets, *REGISTRY.projectors))


@dataclass(frozen=True)
class Harm:
    """One value that was overwritten."""

    table: str
    column: str
    before: object
    after: object

    @property
    def is_derived(self) -> bool:
        return self.table.startswith(READ_MODELS)


def damaged_stores(kind: str, server: str | None, rounds: int, dice: Random) -> Tally:
    """In each round a copy of a small shop has one value overwritten; then it is asked and told all kinds of things."""
    tally = Tally()
    with tempfile.TemporaryDirectory(dir=in_memory()) as name, _shop(kind, server, Path(name)) as (whole, copied):
        with _opened(whole) as crm:
            expected = _answers(crm)
        for number in range(rounds):
            folder = Path(name) / f"round-{number}"
            folder.mkdir()
            with copied(folder) as url:
                harm = _harmed(url, dice)
                if harm is None:
                    continue
                try:
                    _require_sentences(url, folder, harm, expected, dice)
                except Exception as error:
                    raise AssertionError(f"{harm}: {error}") from error
            shutil.rmtree(folder)
            tally += Tally(rounds=1, faults=1)
    return tally


def _require_sentences(url: str, folder: Path, harm: Harm, expected: object, dice: Random) -> None:
    asked = dice.sample(QUESTIONS, 6)
    for line in asked:
        _said(url, line)
    _asked_of_the_library(url, dice)
    if harm.is_derived:
        _require_mended(url, expected)
    (folder / "map.toml").write_text(MAPPING)
    (folder / "file.csv").write_text(FILE)
    (folder / "rules.toml").write_text(_other_rules())
    for line in dice.sample(COMMANDS, 5):
        _said(url, tuple(word.format(folder=folder) for word in line))
    for line in (("rebuild",), ("verify",), ("customers",)):
        _said(url, line)


def _require_mended(url: str, expected: object) -> None:
    for line in (("rebuild",), ("verify",)):
        said = _said(url, line)
        assert said.status == 0, f"`regulars {line[0]}` mends nothing: {said}"
    with _opened(url) as crm:
        assert _answers(crm) == expected


def _said(url: str, line: tuple[str, ...]) -> Said:
    try:
        with at_most(PATIENCE):
            said = say(url, *line)
            require_harmless(said)
    except Exception as error:
        raise AssertionError(f"`regulars {' '.join(line)}`: {type(error).__name__}: {error}") from error
    return said


def _asked_of_the_library(url: str, dice: Random) -> None:
    """What is asked of an open store, whose pages are asked further."""
    with at_most(PATIENCE):
        try:
            with _opened(url) as crm:
                for question in dice.sample(LIBRARY, 5):
                    _asked(crm, question)
        except RegularsError as error:
            require_sentence(error)


def _asked(crm: Regulars, question: Callable[[Regulars], object]) -> None:
    try:
        question(crm)
    except RegularsError as error:
        require_sentence(error)


def _walk_the_list(crm: Regulars) -> None:
    for each in crm.customers(order="risk"):
        each.explain()
        each.timeline()


LIBRARY: tuple[Callable[[Regulars], object], ...] = (
    _walk_the_list,
    lambda crm: list(crm.tickets()),
    lambda crm: crm.rejects(),
    lambda crm: crm.customers(known_at=NOW - timedelta(days=50)),
    lambda crm: crm.customers(rules=with_edits([("hold_days = 365", "hold_days = 10")])),
    lambda crm: crm.customers(becoming={"stage": "at_risk"}, within=timedelta(days=900), as_of=NOW),
    lambda crm: crm.rules.diff(with_edits([("hold_days = 365", "hold_days = 20")])),
    lambda crm: crm.catch_up(),
    lambda crm: crm.do(TagCustomer(customer="shop:1", label="vip", command_id="tag")),
    lambda crm: crm.projections.generations(),
    lambda crm: crm.projections.repair(),
)

QUESTIONS: tuple[tuple[str, ...], ...] = (
    ("customers",),
    ("customers", "--order", "risk", "--json"),
    ("customers", "--becoming", "stage=at_risk", "--within", "900d"),
    ("customers", "--known-at", "2024-03-01"),
    *(("show", who) for who in WHO[:3]),
    ("explain", "shop:1"),
    ("timeline", "shop:3"),
    ("tickets",),
    ("tickets", "--json"),
    ("points", "shop:1"),
    ("consents", "shop:1"),
    ("contactable", "--channel", "email", "--purpose", "newsletter"),
    ("audit", "--limit", "500"),
    ("history", "shop:2", "name"),
    ("duplicates",),
    ("status",),
    ("status", "--json"),
    ("generations",),
    ("generations", "--json"),
    ("rules", "show"),
    ("rules", "history"),
    ("verify",),
    ("verify", "--json"),
    ("export", "events", "--jsonl", "--personal"),
    ("export-person", "shop:3"),
    ("import", "--rejects"),
    ("forgotten",),
)

COMMANDS: tuple[tuple[str, ...], ...] = (
    ("do", "TagCustomer", "customer=shop:1", "label=vip", "command_id=tag"),
    ("do", "RecordPurchase", "customer=shop:1", "order_id=new", "amount=7.00"),
    ("do", "RecordReturn", "order_id=A-2"),
    ("do", "RegisterCustomer", "ref=shop:9", "name=New"),
    ("do", "RedeemPoints", "customer=shop:1", "points=1", "redemption_id=r"),
    ("do", "MergeCustomers", "customer=shop:2", "into=shop:1"),
    ("do", "UndoMerge", "customer=shop:4"),
    ("do", "ResolveTicket", "ticket_id=T-1"),
    ("import", "{folder}/file.csv", "--mapping", "{folder}/map.toml"),
    ("rebuild", "--customer", "shop:1"),
    ("rebuild", "--projection", "loyalty_tier"),
    ("rebuild", "--json"),
    ("seal",),
    ("rules", "publish", "{folder}/rules.toml", "--reason", "?"),
    ("rules", "diff", "{folder}/rules.toml"),
    ("rules", "rollback", "--reason", "?"),
    ("generation", "rollback"),
    ("prune",),
    ("forget", "shop:3", "--reason", "on request", "--yes"),
    ("backup", "{folder}/backup.db"),
    ("restore", "{folder}/backup.db", "{folder}/restored.db"),
    ("migrate",),
)


def _other_rules() -> str:
    return as_toml(with_edits([("hold_days = 365", "hold_days = 45")]))


# -------------------------------------------------------------------------------------------------------- the shop


def _opened(url: str) -> Regulars:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StaleProjections)  # where a build is damaged, that is the sentence
        return regulars.open(url, currency="EUR", actor="li", clock=lambda: NOW)


@contextmanager
def _shop(kind: str, server: str | None, folder: Path) -> Iterator[tuple[str, Callable[[Path], Any]]]:
    """A store with rows in every table, and how it is copied to a folder or beside it."""
    with ExitStack() as stack:
        if kind == "sqlite":
            whole = str(folder / "whole.db")
            _fill(whole, folder)
            yield whole, lambda target: _copied_file(whole, target / "shop.db")
        else:
            assert server is not None
            url = stack.enter_context(fresh_postgres(server))
            _fill(url, folder)
            yield url, lambda _: copied_postgres(url)


@contextmanager
def _copied_file(whole: str, target: Path) -> Iterator[str]:
    shutil.copyfile(whole, target)
    yield str(target)


def _fill(url: str, folder: Path) -> None:
    begin = NOW - timedelta(days=100)
    clock = [begin]
    with regulars.open(url, currency="EUR", actor="li", clock=lambda: clock[0]) as crm:
        for number, who in enumerate(WHO, 1):
            crm.do(RegisterCustomer(ref=who, name=f"Customer {number}", email=f"{number}@example.com", phone="030123"))
            crm.do([EnrollMember(customer=who), GiveConsent(customer=who, channel="email", purpose="newsletter")])
            clock[0] += timedelta(days=3)
            crm.do(RecordPurchase(customer=who, order_id=f"A-{number}", amount="200.00"))
            crm.do(OpenTicket(customer=who, ticket_id=f"T-{number}", subject="Help"))
        crm.do(TagCustomer(customer="shop:1", label="vip", command_id="tag", reason="a good one"))
        crm.do([CancelMembership(customer="shop:4"), MergeCustomers(customer="shop:4", into="shop:3")])
        clock[0] = NOW - timedelta(days=20)
        (folder / "map.toml").write_text(MAPPING)
        (folder / "file.csv").write_text(FILE)
        crm.import_file(folder / "file.csv", folder / "map.toml")
        crm.rules.publish(with_edits([("hold_days = 365", "hold_days = 300")]), reason="shorter")
        crm.customers(rules=with_edits([("hold_days = 365", "hold_days = 10")]))
        crm.forget("shop:5", reason="on request")
        crm.seal()
        clock[0] = NOW - timedelta(days=10)
        crm.do(RecordPurchase(customer="shop:2", order_id="later", amount="20.00"))
        crm.catch_up()
    if "://" not in url:
        with closing(sa.create_engine(f"sqlite:///{url}").raw_connection()) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[attr-defined]


def _answers(crm: Regulars) -> object:
    found = list(crm.customers())
    return found, [(each.explain(), each.timeline()) for each in found], list(crm.tickets()), list(crm.forgotten())


# -------------------------------------------------------------------------------------------------------- the harm


def _harmed(url: str, dice: Random) -> Harm | None:
    """Overwrite one value; None where the database took none of those that were tried."""
    engine = sa.create_engine(url if "://" in url else f"sqlite:///{url}", poolclass=sa.NullPool)
    with engine.connect() as connection:
        tables = sorted(sa.inspect(connection).get_table_names())
        for _ in range(50):
            name = dice.choice(tables)
            harm = _overwrite(connection, name, dice)
            if harm is not None:
                connection.commit()
                return harm
            connection.rollback()
    return None


def _overwrite(connection: sa.Connection, name: str, dice: Random) -> Harm | None:
    rows = connection.exec_driver_sql(f'SELECT * FROM "{name}"').mappings().all()
    if not rows or name == "sqlite_sequence":
        return None
    row = dice.choice(rows)
    column = dice.choice(list(row))
    before = row[column]
    after = _other_value(before, dice.choice(rows)[column], dice)
    if after == before and type(after) is type(before):
        return None
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    keys = sa.inspect(connection).get_pk_constraint(name)["constrained_columns"]
    same = " AND ".join(f'"{key}" = {mark}' for key in keys)
    try:
        connection.exec_driver_sql(
            f'UPDATE "{name}" SET "{column}" = {mark} WHERE {same}', (after, *(row[key] for key in keys))
        )
    except (DBAPIError, OverflowError, UnicodeEncodeError):
        return None
    return Harm(name, column, before, after)


NUMBERS = (0, -1, 1, 7, 2**31, 10**15, 10**18, 2**63 - 1, -(2**63), 0.5, 1e300)
TEXTS = (
    "",
    "?",
    "null",
    "{}",
    "[]",
    "-",
    "0-",
    "none",
    "id:",
    "f" * 32,
    "{'",
    "EUR",
    "XXX",
    "\x1b[31m",
    "9" * 30,
    "-1",
)


def _other_value(before: Any, another: Any, dice: Random) -> Any:
    kind = dice.choice(
        ["bytes", "text", "null", "number", "cut", "flip", "flip", "another", "number as text", "not text"]
    )
    data = before.encode() if isinstance(before, str) else before
    match kind:
        case "bytes":
            return dice.randbytes(dice.randrange(60))
        case "text":
            return dice.choice(TEXTS)
        case "null":
            return None
        case "number":
            return dice.choice(NUMBERS)
        case "number as text":
            text = str(dice.choice(NUMBERS))
            return text.encode() if isinstance(before, bytes) else text
        case "another":
            return another
        case "cut" if isinstance(before, bytes | str):
            return before[: dice.randrange(len(before) + 1)]
        case "flip" if isinstance(data, bytes) and data:
            at = dice.randrange(len(data))
            flipped = data[:at] + bytes([data[at] ^ (1 << dice.randrange(7))]) + data[at + 1 :]
            return flipped.decode("utf-8", "replace") if isinstance(before, str) else flipped
        case "flip" if isinstance(before, int):
            return before ^ (1 << dice.randrange(62))
        case _:
            return dice.choice(TEXTS) if isinstance(before, str) else dice.randbytes(8)
