"""PostgreSQL goes away while it is written to, and comes back: one clear error, and the same open store goes on."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from time import monotonic, sleep

from databases import fresh_postgres
from regulars import Regulars, RegularsError
from shops import with_edits
from torture.command_line import require_refused, say
from torture.journal import Told, positions_of
from torture.killed_folding import small_steps, trade, until_free
from torture.killed_imports import MAPPING, ROWS, write_file
from torture.refusals import require_one_line
from torture.servers import Server
from torture.shop import open_shop, opened, require_books, require_kept, require_sound, some_trade
from torture.tally import Tally

THREADS = 3


@dataclass(slots=True)
class Diary:
    """What one thread asked for and was told."""

    told: Told = field(default_factory=Told)
    errors: list[RegularsError] = field(default_factory=list)
    unexpected: list[BaseException] = field(default_factory=list)


def write_until(crm: Regulars, stop: threading.Event, name: str, dice: Random, diary: Diary) -> None:
    """Write with whatever happens; what is no RegularsError ends it."""
    for number in count():
        if stop.is_set():
            return
        commands = some_trade(dice, name, number)
        diary.told.asked[number] = tuple(commands)
        try:
            outcomes = crm.do(commands)
        except RegularsError as error:
            diary.errors.append(error)
            sleep(0.02)
        except BaseException as error:
            diary.unexpected.append(error)
            return
        else:
            diary.told.acknowledged[number] = positions_of(outcomes)


@contextmanager
def writers(crm: Regulars, name: str, dice: Random) -> Iterator[list[Diary]]:
    """Threads that write to one open store for as long as the block takes."""
    stop, diaries = threading.Event(), [Diary() for _ in range(THREADS)]
    threads = [
        threading.Thread(target=write_until, args=(crm, stop, f"{name}-{index}", Random(dice.random()), diary))
        for index, diary in enumerate(diaries)
    ]
    for thread in threads:
        thread.start()
    try:
        yield diaries
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def wait_for_progress(diaries: list[Diary]) -> None:
    """Wait until each thread was told something good, after whatever was before."""
    before = [len(diary.told.acknowledged) for diary in diaries]
    deadline = monotonic() + 60
    while not all(len(diary.told.acknowledged) > had for diary, had in zip(diaries, before, strict=True)):
        unexpected = [error for diary in diaries for error in diary.unexpected]
        if unexpected:
            raise AssertionError("an error that nobody translated") from unexpected[0]
        assert monotonic() < deadline, "the same open store doesn't go on"
        sleep(0.005)


def faults_of(server: Server, url: str) -> dict[str, Callable[[], object]]:
    """What can happen to a server, each until it is over."""

    def stopped() -> None:
        server.stop()
        require_refused(say(url, "customers"))
        server.start()

    def killed() -> None:
        server.kill()
        sleep(0.05)
        server.start()

    def backend_killed() -> None:
        server.kill_a_backend()
        sleep(0.05)
        server.wait_until_it_answers()

    return {
        "stopped": stopped,
        "killed": killed,
        "backend killed": backend_killed,
        "connections ended": server.terminate_backends,
    }


def stopped_servers(server: Server, rounds: int, dice: Random) -> Tally:
    """In each round something happens to the server while three threads write through one open store."""
    tally, everything = Tally(), list[Told]()
    with fresh_postgres(server.url) as url:
        faults = faults_of(server, url)
        open_shop(url)
        with opened(url, lock_timeout=5) as crm:
            for number in range(rounds):
                kind = list(faults)[number % len(faults)]
                with writers(crm, f"r{number}", dice) as diaries:
                    wait_for_progress(diaries)
                    sleep(dice.uniform(0, 0.05))
                    faults[kind]()
                    wait_for_progress(diaries)
                for error in (error for diary in diaries for error in diary.errors):
                    require_one_line(error)
                told = [diary.told for diary in diaries]
                everything += told
                checked = require_kept(crm, told)
                require_sound(crm)
                tally += Tally(rounds=1, faults=1, acknowledged=checked)
            require_books(crm, everything)
    return tally


def stopped_while_folding(server: Server, rounds: int, dice: Random) -> Tally:
    """In each round something happens to the server during a long piece of work, which is asked for again then."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as name, fresh_postgres(server.url) as url, small_steps():
        folder, faults = Path(name), faults_of(server, url)
        (folder / "map.toml").write_text(MAPPING)
        trade(url, "shop")
        with opened(url, lock_timeout=5) as crm:
            works = long_works(crm, url, folder, dice)
            for number in range(rounds):
                what, kind = dice.choice(list(works)), dice.choice(list(faults))
                thread = Worker(works[what](str(number)))
                thread.start()
                sleep(dice.uniform(0, 0.3))
                faults[kind]()
                thread.join()
                if thread.error is not None:
                    assert isinstance(thread.error, RegularsError), thread.error
                    require_one_line(thread.error)
                until_free(works[what](str(number)))
                require_sound(crm)
                tally += Tally(rounds=1, faults=1)
            crm.projections.rebuild()
            require_sound(crm)
    return tally


class Worker(threading.Thread):
    """A thread that keeps what its work raised."""

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__()
        self._work = work
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self.error = error


def long_works(crm: Regulars, url: str, folder: Path, dice: Random) -> dict[str, Callable[[str], Callable[[], object]]]:
    """By name, for a number: work of many transactions, which may be asked for twice."""

    def import_a_file(number: str) -> Callable[[], object]:
        path = folder / f"{number}.csv"
        write_file(path, Random(number), number)

        def bring_in() -> object:
            report = crm.import_file(path, folder / "map.toml")
            assert report.rows == ROWS
            return report

        return bring_in

    def catch_up(number: str) -> Callable[[], object]:
        if not (folder / number).exists():
            (folder / number).touch()
            trade(url, f"more-{number}")
        return crm.catch_up

    def publish(number: str) -> Callable[[], object]:
        rules = with_edits([("hold_days = 365", f"hold_days = {40 + int(number) % 300}")])
        return lambda: crm.rules.publish(rules, reason="shorter")

    return {
        "rebuild": lambda number: crm.projections.rebuild,
        "rebuild by two": lambda number: lambda: crm.projections.rebuild(workers=2),
        "catch up": catch_up,
        "import": import_a_file,
        "publish": publish,
        "verify": lambda number: crm.projections.verify,
    }
