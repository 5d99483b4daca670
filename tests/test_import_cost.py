"""A program that imports the library gets nothing imported, and nothing patched, that it doesn't ask for."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import regulars

EVERYTHING_HEAVY = {"asyncio", "eventsourcing", "multiprocessing", "pydantic", "rich", "sqlalchemy", "typer"}
#: Of no use to a program that records and asks.
OF_OTHERS = {"eventsourcing", "rich", "typer"}

RECORD_AND_ASK = """
import regulars
from regulars import RegisterCustomer, RecordPurchase
with regulars.open(":memory:", currency="EUR") as crm:
    crm.do([RegisterCustomer(ref="shop:1"), RecordPurchase(customer="shop:1", order_id="A-1", amount="5.90")])
    crm.customer("shop:1").explain(), crm.customers(), crm.audit(), crm.projections.verify(), [*crm.events()]
"""


def after(program: str) -> tuple[set[str], str]:
    """The modules that a program of its own has imported, and who defines what makes dataclasses."""
    ending = "\nimport sys, dataclasses; print(dataclasses._process_class.__module__, *sys.modules)"
    command = [sys.executable, "-c", program + ending]
    done = subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8")
    defined_in, *modules = done.stdout.split()
    return set(modules), defined_in


def test_importing_the_library_imports_nothing_heavy_and_patches_nothing() -> None:
    modules, defined_in = after("import regulars")
    assert not modules & EVERYTHING_HEAVY
    assert defined_in == "dataclasses"


def test_a_program_that_records_and_asks_imports_only_what_that_needs_and_patches_nothing() -> None:
    modules, defined_in = after(RECORD_AND_ASK)
    assert "sqlalchemy" in modules
    assert not modules & OF_OTHERS
    assert defined_in == "dataclasses"


@pytest.mark.parametrize("ask", ["regulars.LogApplication", "regulars.open(':memory:').as_application_recorder()"])
def test_whoever_asks_for_what_needs_the_library_gets_it(ask: str) -> None:
    modules, _ = after(f"import regulars; {ask}")
    assert "eventsourcing" in modules


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["rules", "--help"]])
def test_a_command_line_that_opens_no_store_imports_nothing_for_one(words: list[str]) -> None:
    run = f"import sys, io; sys.argv[1:] = {words}; sys.stdout, out = io.StringIO(), sys.stdout\n"
    ending = "from regulars.cli import main\ntry: main()\nexcept SystemExit: sys.stdout = out"
    modules, _ = after(run + ending)
    assert not modules & (EVERYTHING_HEAVY - {"typer", "pydantic"})  # typer reads options by pydantic


def test_every_name_is_there_before_and_after_it_was_asked_for() -> None:
    names = "import regulars; assert set(regulars.__all__) <= set(dir(regulars))"
    after(f"{names}; [getattr(regulars, each) for each in regulars.__all__]; {names}")
    after("from regulars import *; import regulars; assert {*regulars.__all__} <= {*globals()}; open(0).close()")
    after("import regulars; regulars.person.Line, regulars.grammar.Cell, regulars.extending.Aggregate")


def test_a_name_that_isn_t_there_is_refused_as_python_does() -> None:
    with pytest.raises(AttributeError, match="module 'regulars' has no attribute 'Custmer'"):
        _ = regulars.Custmer
    assert not hasattr(regulars, "LAZY")


def test_type_checkers_are_told_the_same_homes_as_python() -> None:
    tree = ast.parse(Path(regulars.__file__).read_text(encoding="utf-8"))
    block = next(each for each in tree.body if isinstance(each, ast.If) and ast.unparse(each.test) == "TYPE_CHECKING")
    told = {
        (each.asname or each.name): (node.module, each.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for each in node.names
    }
    assert told == regulars._PLACES
    assert told.keys() == {*regulars.__all__, "open", "copy"} - {"__version__"}
