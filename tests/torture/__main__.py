"""Every scenario at length: `make torture`, or `python -m torture --minutes 10` with `tests` on the path.

The scenarios take turns until the time is over, a few rounds each, with dice that a seed throws again.
"""

from __future__ import annotations

import argparse
import json
import sys
import traceback
import warnings
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from random import Random
from time import monotonic, time

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from databases import postgres_server
from torture.backups import backups_of_files, dumps_of_servers
from torture.bad_command_lines import hostile_json, hostile_options
from torture.bad_commands import hostile_commands
from torture.bad_files import hostile_files
from torture.bad_names import hostile_names
from torture.bad_rows import hostile_rows
from torture.bad_toml import hostile_mappings, hostile_rules
from torture.busy_lists import busy_lists
from torture.coupon_crowds import coupon_crowd
from torture.crowds import crowd, crowded_recorder
from torture.damaged_stores import damaged_stores
from torture.full_disks import full_disks, small_disks_are_possible
from torture.killed_deliveries import killed_deliveries
from torture.killed_folding import killed_catch_ups, killed_rebuilds
from torture.killed_forgetting import killed_forgetting
from torture.killed_imports import killed_imports
from torture.killed_polls import killed_polls
from torture.killed_senders import killed_senders
from torture.killed_writers import killed_founders, killed_writers
from torture.refusals import locked_databases, lost_permissions
from torture.roles import roles
from torture.servers import own_server
from torture.stopped_servers import stopped_servers, stopped_while_folding
from torture.tally import Scenario, Tally
from torture.written_paths import written_paths

DEFAULT_MINUTES = 10.0


@dataclass(slots=True)
class Result:
    """What came of one scenario so far, and what it failed with."""

    name: str
    scenario: Scenario
    rounds: int
    tally: Tally = field(default_factory=Tally)
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)


def scenarios(stack: ExitStack) -> list[Result]:
    """All that there are, with how many rounds each does at a time."""
    postgres = stack.enter_context(postgres_server())
    server = stack.enter_context(own_server())
    both = [("SQLite", "sqlite", None), ("PostgreSQL", "postgres", postgres)]
    found: list[tuple[str, Scenario, int]] = []
    for title, kind, url in both:
        found += [
            (f"kill -9 of writers, {title}", partial(killed_writers, kind, url), 8),
            (f"kill -9 of who makes a store, {title}", partial(killed_founders, kind, url), 8),
            (f"kill -9 of imports, {title}", partial(killed_imports, kind, url), 4),
            (f"kill -9 of catching up, {title}", partial(killed_catch_ups, kind, url), 8),
            (f"kill -9 of rebuilds, {title}", partial(killed_rebuilds, kind, url), 6),
            (f"kill -9 of forgetting and sealing, {title}", partial(killed_forgetting, kind, url), 6),
            (f"kill -9 of deliveries to hooks, {title}", partial(killed_deliveries, kind, url), 6),
            (f"kill -9 of who is told of changes, {title}", partial(killed_polls, kind, url), 6),
            (f"kill -9 of who sends offers, {title}", partial(killed_senders, kind, url), 4),
            (f"locked for too long, {title}", partial(locked_databases, kind, url), 6),
            (f"8 writers, 2 followers, {title}", partial(crowd, kind, url), 15),
            (f"8 writers of one coupon, {title}", partial(coupon_crowd, kind, url), 15),
            (f"8 writers by the library, {title}", partial(crowded_recorder, kind, url), 25),
            (f"lists while others write, {title}", partial(busy_lists, kind, url), 2),
            (f"hostile commands and questions, {title}", partial(hostile_commands, kind, url), 500),
            (f"hostile files, {title}", partial(hostile_files, kind, url), 300),
            (f"every stored value damaged, {title}", partial(damaged_stores, kind, url), 10),
        ]
    if small_disks_are_possible():
        found.append(("full disk, SQLite", partial(full_disks, "small-disk"), 8))
    found += [
        ("full by a limit, SQLite", partial(full_disks, "limit"), 8),
        ("permission lost, SQLite", lost_permissions, 4),
        ("backup while writing, SQLite", backups_of_files, 6),
        ("roles on PostgreSQL", partial(roles, postgres), 3),
        ("dump while writing, PostgreSQL", partial(dumps_of_servers, postgres, server), 3),
        ("server gone while writing, PostgreSQL", partial(stopped_servers, server), 8),
        ("server gone during long work, PostgreSQL", partial(stopped_while_folding, server), 8),
        ("every written path aimed at the store, SQLite", written_paths, 60),
        ("hostile JSON for do", hostile_json, 150),
        ("hostile options", hostile_options, 200),
        ("hostile names", hostile_names, 100),
        ("hostile rules", hostile_rules, 500),
        ("hostile mappings", hostile_mappings, 500),
        ("hostile rows", hostile_rows, 500),
    ]
    return [Result(name, scenario, rounds) for name, scenario, rounds in found]


def run(results: list[Result], seconds: float, seed: int, console: Console) -> None:
    """Let the scenarios take turns until the time is over; each has its turn at least once."""
    dice, deadline, turn = Random(seed), monotonic() + seconds, 0
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=20), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("", total=seconds)
        while turn < len(results) or monotonic() < deadline:
            result = results[turn % len(results)]
            progress.update(task, description=result.name, completed=seconds - (deadline - monotonic()))
            began = monotonic()
            try:
                result.tally += result.scenario(result.rounds, dice)
            except Exception:
                result.failures.append(traceback.format_exc())
                console.print(f"{result.name} failed (seed {seed}, turn {turn}):\n{result.failures[-1]}", markup=False)
            result.seconds += monotonic() - began
            turn += 1


def table(results: list[Result]) -> Table:
    """What was tried, scenario by scenario."""
    drawn = Table(box=None, pad_edge=False)
    drawn.add_column("scenario", no_wrap=True)
    for title in ("rounds", "faults", "found", "slowest", "s", "failed"):
        drawn.add_column(title, justify="right")
    for each in results:
        tally = each.tally
        slowest = f"{tally.slowest / 1_000:.1f} s" if tally.slowest else ""
        counts = (tally.rounds, tally.faults, tally.acknowledged)
        drawn.add_row(
            each.name, *map("{:,}".format, counts), slowest, f"{each.seconds:,.0f}", f"{len(each.failures):,}"
        )
    return drawn


def main() -> int:
    """Run them, say what came of it, and fail where one of them did."""
    parser = argparse.ArgumentParser(prog="python -m torture", description="Fault tests at length.")
    parser.add_argument("--minutes", type=float, default=DEFAULT_MINUTES, help="how long, about; 10 unless given")
    parser.add_argument("--seed", type=int, default=int(time()), help="throw the same dice again")
    parser.add_argument("--only", metavar="WORDS", default="", help="only scenarios with these words in their name")
    parser.add_argument("--json", action="store_true", help="print JSON, for machines")
    given = parser.parse_args()
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
    # A cursor of a connection that was cut off is nothing that anybody could still close.
    warnings.filterwarnings("ignore", message="<psycopg.ServerCursor", category=ResourceWarning)
    console = Console(stderr=True)
    with ExitStack() as stack:
        results = [each for each in scenarios(stack) if given.only in each.name]
        run(results, given.minutes * 60, given.seed, console)
    total = sum((each.tally for each in results), Tally())
    if given.json:
        told = [{"scenario": each.name, **asdict(each.tally), "failures": each.failures} for each in results]
        print(json.dumps({"seed": given.seed, "scenarios": told, **asdict(total)}, indent=2))  # noqa: T201
    else:
        Console().print(table(results))
        print(f"\n{total.faults:,} faults tried, {total.acknowledged:,} acknowledged found again, seed {given.seed}")  # noqa: T201
    return 1 if any(each.failures for each in results) else 0


if __name__ == "__main__":
    sys.exit(main())
