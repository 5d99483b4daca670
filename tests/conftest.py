"""What every test may ask for: a database of either kind, and how hard Hypothesis tries."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree

import pytest
from hypothesis import HealthCheck, settings

from browsers import NO_BROWSER
from compiled_once import compiled_once
from databases import fresh_postgres, fresh_sqlite, in_memory, postgres_server, prepared_postgres, prepared_sqlite
from filled_once import Originals
from regulars import cli
from regulars.cli import opening
from saying import NOW, Once, Said, Say, built_once

# In CI the same examples run every time: a failure there is a failure of the change.
# How quick a machine is says nothing about the code, so nothing is held against slow ones.
settings.register_profile(
    "default",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("thorough", settings.get_profile("default"), max_examples=1000)
settings.register_profile("quick", settings.get_profile("default"), max_examples=10)
settings.load_profile("default")

#: Files that take minutes. Begun first, they don't keep one worker busy when there is nothing left for the others.
LONGEST = (
    "test_cdnow",
    "test_rebuilding",
    "test_bad_input",
    "test_tampering",
    "test_indexes",
    "test_demo",
    "test_spark",
    "test_wheel",
    "test_damage",
    "test_fresh_lists",
    "test_order_of_telling",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest first, everything else in the order of its files."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Say in the very last line that browser tests were not run, where that is so."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    skipped = [] if reporter is None else reporter.stats.get("skipped", [])
    missed = sum(NO_BROWSER in str(each.longrepr) for each in skipped)
    if missed:
        reporter.write_line(
            f"{missed} BROWSER TESTS WERE NOT RUN: there is no Chromium; on Debian `apt install chromium`"
        )


def pytest_configure() -> None:
    """Look for garbage more seldom: what was imported stays to the end, and going through it takes long.

    And have the folders of tests in memory, where there is room: most have a store, and each commit waits for a disk.
    """
    gc.set_threshold(50_000, 20, 100)
    if memory := in_memory():
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))


@pytest.fixture(scope="session", autouse=True)
def _statements_are_compiled_once() -> Iterator[None]:
    with compiled_once():
        yield


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server, one for each process that runs tests."""
    with postgres_server() as url:
        yield url


@pytest.fixture
def sqlite_database_url(tmp_path: Path) -> str:
    return prepared_sqlite(Path(fresh_sqlite(tmp_path)))


@pytest.fixture
def postgres_database_url(postgres_url: str) -> Iterator[str]:
    with prepared_postgres(postgres_url) as url:
        yield url


@pytest.fixture(scope="module")
def originals(request: pytest.FixtureRequest) -> Iterator[Originals]:
    """The stores that the tests of a module begin with copies of."""
    with Originals(lambda: str(request.getfixturevalue("postgres_url"))) as stores:
        yield stores


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty store in each kind of database."""
    url: str = request.getfixturevalue(f"{request.param}_database_url")
    return url


@pytest.fixture
def bare_sqlite_url(tmp_path: Path) -> str:
    return fresh_sqlite(tmp_path)


@pytest.fixture
def bare_postgres_url(postgres_url: str) -> Iterator[str]:
    with fresh_postgres(postgres_url) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def bare_url(request: pytest.FixtureRequest) -> str:
    """Where no store is yet, in each kind of database: for tests in which one is made."""
    url: str = request.getfixturevalue(f"bare_{request.param}_url")
    return url


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run a command line in an empty folder, in this process."""
    monkeypatch.chdir(tmp_path)
    variables = ("REGULARS_DB", "REGULARS_ACTOR", "REGULARS_MASTER_KEY", "REGULARS_NEW_MASTER_KEY", "FORCE_COLOR")
    for name in variables:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(opening, "system_clock", lambda: NOW)
    monkeypatch.setattr("typer.main.get_command", built_once)

    def run(*words: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["regulars", *words])
        with pytest.raises(SystemExit) as ending:
            cli.main()
        said = capsys.readouterr()
        assert isinstance(ending.value.code, int)
        assert "Traceback" not in said.err
        return Said(ending.value.code, said.out, said.err)

    return run


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a module keeps what several of its tests begin with."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def once(tmp_path: Path, kept: Path) -> Once:
    """Let the folder of a test have what some work writes there, which is done for the first test of a module alone."""

    def once(work: Callable[[], object]) -> None:
        folder = kept / work.__name__
        if folder.exists():
            copytree(folder, tmp_path, dirs_exist_ok=True)
        else:
            work()
            copytree(tmp_path, folder)

    return once


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many faults the tests of tests/torture tried: a test that passes is worth as much as what it tried."""
    passed = terminalreporter.stats.get("passed", [])
    counts = [dict(report.user_properties) for report in passed]
    if faults := sum(int(each.get("faults", 0)) for each in counts):
        acknowledged = sum(int(each.get("acknowledged", 0)) for each in counts)
        terminalreporter.write_line(f"torture: {faults:,} faults tried, {acknowledged:,} acknowledged found again")
