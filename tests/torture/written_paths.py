"""Every command that writes a file, aimed at a store by every name: it is refused, or it makes another file."""

from __future__ import annotations

import os
import tempfile
from contextlib import chdir
from pathlib import Path
from random import Random

import regulars
from regulars import RecordPurchase, RegisterCustomer
from torture.command_line import require_harmless, say
from torture.tally import Tally

SIDES = ("-wal", "-shm", "-journal", "-building")
STORES = ("shop.db", "other.db")
TAKEN = {store + side for store in STORES for side in ("", *SIDES)}

#: With FILE for what is aimed at.
WRITES = (
    ("export", "events", "--out", "FILE"),
    ("export", "events", "--personal", "--out", "FILE", "--force"),
    ("export-person", "ada", "--out", "FILE"),
    ("export-person", "ada", "--json", "--out", "FILE", "--force"),
    ("backup", "FILE"),
    ("restore", "backup.db", "FILE"),
    ("restore", "shop.db", "FILE"),
    ("copy", "shop.db", "FILE"),
    ("copy", "other.db", "FILE"),
    ("demo", "--db", "FILE"),
)


def written_paths(rounds: int, dice: Random) -> Tally:
    """In each round one command is aimed at one file of a store, which is open or not, by one of its names."""
    with tempfile.TemporaryDirectory() as name, chdir(name):
        folder = Path(name)
        _make(folder)
        before = {store: _exported(folder / store) for store in STORES}
        files = {store: _files(folder / store) for store in STORES}
        for number in range(rounds):
            target = _any_name(folder, dice, number)
            words = [str(target) if word == "FILE" else word for word in dice.choice(WRITES)]
            if dice.random() < 0.5:
                with regulars.open(folder / "shop.db") as crm:
                    crm.customers()
                    _aim(folder, words, target)
            else:
                _aim(folder, words, target)
            for store, lines in before.items():
                if _files(folder / store) != files[store]:
                    assert _exported(folder / store) == lines, words
                    files[store] = _files(folder / store)
        for store in STORES:
            with regulars.open(folder / store) as crm:
                assert crm.projections.verify().holds
    return Tally(rounds=rounds, faults=rounds, acknowledged=rounds * len(STORES))


def _make(folder: Path) -> None:
    with regulars.open(folder / "shop.db", currency="EUR", actor="li") as crm:
        crm.do([RegisterCustomer(ref="ada", name="Ada"), RecordPurchase(customer="ada", order_id="A", amount="9.00")])
        crm.catch_up()
        for copy in ("other.db", "backup.db"):
            crm.backup(folder / copy)
    (folder / "folder").mkdir()
    (folder / "link-to-folder").symlink_to(folder)


def _any_name(folder: Path, dice: Random, number: int) -> Path:
    """A file of a store by its name, another way to it, in other letters, or by a link, which may lead nowhere."""
    path = Path(dice.choice(STORES) + dice.choice(("", "", *SIDES)))
    match dice.randrange(6):
        case 0:
            return path
        case 1:
            return folder / path
        case 2:
            return folder / "folder" / ".." / "link-to-folder" / path
        case 3:
            return path.with_name(path.name[:-4] + path.name[-4:].upper())
        case 4:
            link = folder / f"link-{number}"
            link.symlink_to(path)
            return link
        case _:
            link = folder / f"hard-{number}"
            if not (folder / path).exists():
                return path
            os.link(folder / path, link)
            return link


def _aim(folder: Path, words: list[str], target: Path) -> None:
    said = say(str(folder / "shop.db"), *words)
    require_harmless(said)
    # A name in other letters, where those tell files apart, is free.
    assert said.status == 1 or target.resolve().name not in TAKEN, (words, said)


def _files(path: Path) -> list[bytes | None]:
    """What lies on the disk of a store; where that is what it was, so is the store."""
    files = [path.with_name(path.name + side) for side in ("", *SIDES)]
    return [file.read_bytes() if file.exists() else None for file in files]


def _exported(path: Path) -> bytes:
    """All events of a store."""
    lines: list[bytes] = []
    with regulars.open(path) as crm:
        crm.export_events(lines.append, personal=True)
    return b"".join(lines)
