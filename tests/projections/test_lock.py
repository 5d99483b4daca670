"""No verdict changes in silence: the code that each version stands for is as it was locked."""

from __future__ import annotations

from pathlib import Path

import pytest

from code_digest import Code
from lock_projectors import Locked, changes, current, drift, read_lock


def test_what_the_versions_stand_for_is_as_it_was_locked() -> None:
    sentences = drift(read_lock(), current())
    assert not sentences, "\n" + "\n".join(sentences)


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("churn_risk.judge", {"churn_risk"}),
        ("lifecycle_stage.compiled", {"lifecycle_stage"}),
        ("loyalty_tier.explain", {"loyalty_tier"}),
        ("ticket_queue.compiled", {"churn_risk", "ticket_queue"}),
        ("engine.fold", {"facts"}),
    ],
)
def test_a_module_of_a_room_concerns_that_projection_and_what_judges_by_its_tables(
    module: str, names: set[str]
) -> None:
    assert {name for name, locked in current().items() if f"regulars.projections.{module}" in locked.code} == names


# ---------------------------------------------------------------------------------------------------------- messages


LOCK = {"churn_risk": Locked(1, {"projections.churn_risk": "a", "crm_domain.money": "b"})}
CHANGED = {"churn_risk": Locked(1, {"projections.churn_risk": "c", "crm_domain.money": "b"})}
RAISED = {"churn_risk": Locked(2, CHANGED["churn_risk"].code)}


def test_what_is_as_it_was_locked_needs_nothing() -> None:
    assert drift(LOCK, LOCK) == changes(LOCK, LOCK) == []


def test_a_version_that_stands_still_is_told_what_to_do() -> None:
    (sentence,) = drift(LOCK, CHANGED)
    assert sentence == (
        "churn_risk changed (projections.churn_risk) but its version is still 1: raise VERSION in "
        "src/projections/churn_risk/projector.py if any answer can differ, then run `make lock`"
    )
    assert changes(LOCK, CHANGED) == [
        "churn_risk: STILL version 1, though its code changed: projections.churn_risk",
    ]


def test_a_raised_version_is_to_be_locked() -> None:
    assert drift(LOCK, RAISED) == ["churn_risk has version 2, and 1 is locked: run `make lock`"]
    assert changes(LOCK, RAISED) == ["churn_risk: version 1 -> 2"]


def test_what_comes_and_what_goes_is_to_be_locked() -> None:
    assert drift({}, LOCK) == ["churn_risk is new: run `make lock`"]
    assert drift(LOCK, {}) == ["churn_risk is gone: run `make lock`"]


# ------------------------------------------------------------------------------------------------------------ digests


PROJECTOR = '''"""What a verdict is."""

from crm_domain import ticket
from crm_domain.instant import DAY, SECOND
from projections.facts import Facts

VERSION = 1
SPAN: int = 3 * DAY


class Standing:
    """A standing."""

    since: int = 0

    def grown(self, by: int) -> int:
        """More of it."""
        return self.since + by


def judge(facts: Facts, at: int) -> bool:
    """Whether it holds."""
    limit: int = at - SPAN
    return facts.last > limit and not ticket.is_open(at)
'''
INSTANT = '''"""Instants."""

_HOURS = 24
SECOND = 1
DAY = _HOURS * 3600 * SECOND


def to_text(at: int) -> str:
    return "never used above"
'''
TICKET = '''"""Tickets."""


def is_open(at: int) -> bool:
    """Whether."""
    return at < 7


def decide(at: int) -> bool:
    return at == 8
'''
FACTS = '''"""Facts."""


class Facts:
    last: int = 0
'''
SOURCES = {
    "projections/judge.py": PROJECTOR,
    "projections/facts.py": FACTS,
    "crm_domain/instant.py": INSTANT,
    "crm_domain/ticket.py": TICKET,
}


def digests(root: Path, sources: dict[str, str]) -> dict[str, str]:
    for name, text in sources.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    code = Code(root, "crm_domain", "projections")
    return code.digests(["projections.judge"], frozenset({"projections.facts"}))


def edited(path: str, old: str, new: str) -> dict[str, str]:
    assert old in SOURCES[path]
    return SOURCES | {path: SOURCES[path].replace(old, new)}


def test_what_a_module_rests_on_is_what_it_uses_but_not_what_has_a_version_of_its_own(tmp_path: Path) -> None:
    assert set(digests(tmp_path, SOURCES)) == {"projections.judge", "crm_domain.instant", "crm_domain.ticket"}


def test_what_stands_behind_a_door_counts_where_it_is_defined(tmp_path: Path) -> None:
    door = {"crm_domain/ticket/__init__.py": "from crm_domain.ticket.decider import decide, is_open\n"}
    behind = {path.replace("ticket.py", "ticket/decider.py"): text for path, text in SOURCES.items()} | door
    as_module, as_folder = digests(tmp_path / "module", SOURCES), digests(tmp_path / "folder", behind)
    assert as_folder.pop("crm_domain.ticket.decider") == as_module.pop("crm_domain.ticket")
    assert as_folder == as_module


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("projections/judge.py", '"""What a verdict is."""', ""),
        ("projections/judge.py", '    """Whether it holds."""\n', ""),
        ("projections/judge.py", '    """A standing."""\n', '    """It stands."""\n'),
        ("projections/judge.py", '        """More of it."""\n', "        # More of it.\n"),
        ("projections/judge.py", "facts.last > limit and", "( # why\n        facts.last > limit) and"),
        ("projections/judge.py", "facts: Facts, at: int) -> bool", "facts, at: float) -> object"),
        ("projections/judge.py", "limit: int = at", "limit = at"),
        ("projections/judge.py", "SPAN: int = ", "SPAN = "),
        ("projections/judge.py", "VERSION = 1", "VERSION = 2"),
        ("projections/judge.py", "import DAY, SECOND", "import SECOND, DAY"),
        ("projections/judge.py", "VERSION = 1\nSPAN: int = 3 * DAY", "SPAN: int = 3 * DAY\nVERSION = 1"),
        ("projections/facts.py", "last: int = 0", "last: int = 1"),
        ("crm_domain/instant.py", "never used above", "nor here"),
        ("crm_domain/ticket.py", "at == 8", "at == 9"),
    ],
    ids=lambda value: value.strip()[:30],
)
def test_how_code_looks_and_what_is_not_used_does_not_count(tmp_path: Path, path: str, old: str, new: str) -> None:
    assert digests(tmp_path, edited(path, old, new)) == digests(tmp_path, SOURCES)


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("projections/judge.py", "3 * DAY", "4 * DAY"),
        ("projections/judge.py", "3 * DAY", "3 + DAY"),
        ("projections/judge.py", "last > limit", "last >= limit"),
        ("projections/judge.py", "since: int = 0", "since: float = 0"),
        ("projections/judge.py", "since: int = 0", "since: int = 0.0"),
        ("projections/judge.py", "self.since + by", "self.since - by"),
        ("projections/judge.py", "import DAY, SECOND", "import SECOND as DAY"),
        ("projections/judge.py", "not ticket", "ticket"),
        ("crm_domain/instant.py", "_HOURS = 24", "_HOURS = 25"),
        ("crm_domain/ticket.py", "at < 7", "at < 8"),
    ],
    ids=lambda value: value.strip()[:30],
)
def test_what_code_says_counts_also_where_it_is_only_used(tmp_path: Path, path: str, old: str, new: str) -> None:
    module = path.removesuffix(".py").replace("/", ".")
    before, after = digests(tmp_path, SOURCES), digests(tmp_path, edited(path, old, new))
    assert before[module] != after[module]
