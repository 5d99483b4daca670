"""Whatever writes a file writes over no store and over no other file unasked, and nobody but its owner can read it."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import chdir, closing
from pathlib import Path

import pytest

import regulars
from regulars import RecordPurchase, RegisterCustomer, StoreUnusable
from regulars.adapters.store.store import Store
from regulars.adapters.whole_files import SUFFIX, left_behind, whole_file
from torture import command_line
from torture.command_line import require_harmless

COMMAND = (sys.executable, "-c", "from regulars.cli import main; main()")
SIDES = ("-wal", "-shm", "-journal", "-building", "-delivering")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    with regulars.open(tmp_path / "shop.db", currency="EUR", actor="li") as crm:
        crm.do([RegisterCustomer(ref="ada", name="Ada"), RecordPurchase(customer="ada", order_id="A", amount="9.00")])
        crm.catch_up()
        crm.backup(tmp_path / "other.db")
    return tmp_path / "shop.db"


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def say(folder: Path, *words: str, store: str = "shop.db", stdout: int | None = None) -> str:
    """What a command says on stderr, run in a folder; in a process of its own where its output is a file."""
    if stdout is None:
        with chdir(folder):
            said = command_line.say(store, *words)
        require_harmless(said)
        assert (said.status == 0) == (said.err == ""), said.err
        return said.err
    ran = subprocess.run(
        [*COMMAND, "--db", store, *words], cwd=folder, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False
    )
    assert (ran.returncode == 0) == (ran.stderr == ""), ran.stderr
    return ran.stderr


def exported(path: Path) -> bytes:
    lines: list[bytes] = []
    with regulars.open(path) as crm:
        assert crm.projections.verify().holds
        crm.export_events(lines.append, personal=True)
    return b"".join(lines)


# ------------------------------------------------------------------------------------------------ never over a store


@pytest.mark.parametrize("side", SIDES)
def test_no_store_is_made_or_opened_where_another_keeps_its_files(shop: Path, side: str) -> None:
    said = say(shop.parent, "do", "RegisterCustomer", "ref=bob", store=f"shop.db{side}")
    assert "belong to shop.db" in said
    assert not Path(f"{shop}{side}").exists()


def test_what_is_printed_is_not_added_to_the_store(shop: Path) -> None:
    before = shop.read_bytes()
    with shop.open("ab") as appended:
        said = say(shop.parent, "export", "events", stdout=appended.fileno())
    assert "into the store" in said
    assert shop.read_bytes() == before


def test_no_file_is_replaced_unasked_and_by_force_a_link_is_followed(shop: Path) -> None:
    folder = shop.parent
    (folder / "kept").mkdir()
    (folder / "kept" / "list.txt").write_text("of yesterday")
    (folder / "latest").symlink_to("kept/list.txt")
    (folder / "nowhere").symlink_to("gone/list.txt")
    for command in (("export", "events"), ("export-person", "ada")):
        assert "--force" in say(folder, *command, "--out", "latest")
        for force in ((), ("--force",)):
            assert "leads nowhere" in say(folder, *command, "--out", "nowhere", *force)
            assert "is a folder" in say(folder, *command, "--out", "kept", *force)
            assert "doesn't exist" in say(folder, *command, "--out", "gone/list.txt", *force)
    assert (folder / "kept" / "list.txt").read_text() == "of yesterday"
    assert say(folder, "export", "events", "--personal", "--out", "latest", "--force") == ""
    assert (folder / "latest").is_symlink()
    assert (folder / "kept" / "list.txt").read_bytes() == exported(shop)


@pytest.mark.parametrize(
    "write", [("backup", "new.db"), ("restore", "other.db", "new.db"), ("copy", "other.db", "new.db")]
)
def test_what_another_store_left_is_not_taken_for_the_new_ones_last_changes(shop: Path, write: tuple[str, ...]) -> None:
    shop.with_name("new.db-wal").write_bytes(b"left")
    assert "left by another store" in say(shop.parent, *write)
    assert not shop.with_name("new.db").exists()


def test_a_file_that_was_made_meanwhile_is_left_alone(tmp_path: Path) -> None:
    def write() -> None:
        with whole_file(tmp_path / "new") as unfinished:
            unfinished.write_text("ours")
            (tmp_path / "new").write_text("theirs")

    with pytest.raises(StoreUnusable, match="exists already"):
        write()
    assert (tmp_path / "new").read_text() == "theirs"
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_standard_output_by_its_name_is_printed_to(shop: Path) -> None:
    with shop.with_name("events.jsonl").open("wb") as out:
        assert say(shop.parent, "export", "events", "--personal", "--out", "/dev/stdout", stdout=out.fileno()) == ""
    assert shop.with_name("events.jsonl").read_bytes() == exported(shop)


# ------------------------------------------------------------------------------------------------- for the owner alone


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


def test_every_file_that_is_made_is_its_owners_alone(shop: Path) -> None:
    folder = shop.parent
    with regulars.open(shop) as crm:
        crm.do(RegisterCustomer(ref="bob"))
        crm.projections.rebuild()
        assert {f"shop.db{side}" for side in ("-wal", "-shm", "-building")} < set(modes(folder))
        for write in (
            ("backup", "backup.db"),
            ("restore", "other.db", "restored.db"),
            ("copy", "shop.db", "copy.db"),
            ("export", "events", "--out", "events.jsonl"),
            ("export-person", "ada", "--out", "ada.txt"),
        ):
            assert say(folder, *write) == ""
        with (folder / "master.key").open("wb") as out:
            assert stat.S_IMODE(os.fstat(out.fileno()).st_mode) == 0o644
            assert say(folder, "keys", "new", stdout=out.fileno()) == ""
        assert set(modes(folder).values()) == {0o600}
    names = (
        "ada.txt",
        "backup.db",
        "copy.db",
        "events.jsonl",
        "master.key",
        "restored.db",
        "shop.db",
        "shop.db-building",
    )
    assert set(names) < set(modes(folder))


def test_a_file_keeps_the_mode_that_it_has_and_the_lock_beside_it_too(shop: Path) -> None:
    shop.chmod(0o664)
    with regulars.open(shop) as crm:
        crm.do(RegisterCustomer(ref="bob"))
        crm.projections.rebuild()
        assert {mode for name, mode in modes(shop.parent).items() if name.startswith("shop.db")} == {0o664}


def test_a_store_behind_a_link_is_one_for_whoever_builds(shop: Path) -> None:
    shop.with_name("link.db").symlink_to(shop)
    with regulars.open(shop.with_name("link.db")) as crm:
        crm.projections.rebuild()
        assert crm.files == tuple(Path(f"{shop.resolve()}{side}") for side in ("", *SIDES))
    assert Path(f"{shop}-building").exists()
    assert not shop.with_name("link.db-building").exists()


# ---------------------------------------------------------------------------------------------- what was left by a kill

KILLED = """
import os, signal, sys
from pathlib import Path
import regulars.adapters.whole_files
regulars.adapters.whole_files._move = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
from regulars.cli import main
main()
"""


@pytest.mark.parametrize("write", [
    ("backup", "new"), ("restore", "other.db", "new"), ("copy", "other.db", "new"),
    ("export", "events", "--personal", "--out", "new"), ("export-person", "ada", "--out", "new"),
])  # fmt: skip
def test_what_a_killed_writer_left_is_private_and_named_and_goes_with_the_next(
    shop: Path, write: tuple[str, ...]
) -> None:
    folder = shop.parent
    environment = os.environ | {"REGULARS_DB": "shop.db"}
    ran = subprocess.run([sys.executable, "-c", KILLED, *write], cwd=folder, env=environment, check=False)
    assert ran.returncode == -signal.SIGKILL
    [left] = folder.glob(f"new.*{SUFFIX}")
    assert stat.S_IMODE(left.stat().st_mode) == 0o700
    assert {mode & 0o077 for mode in modes(left).values()} == {0}
    assert not (folder / "new").exists()
    with regulars.open(shop) as crm:
        assert crm.status().unfinished == (str(left),)
    (folder / "elsewhere").mkdir()
    assert say(folder / "elsewhere", "backup", "next.db", store="../shop.db") == ""
    assert left.exists()
    assert say(folder, *write) == ""
    assert not left.exists()
    with regulars.open(shop) as crm:
        assert crm.status().unfinished == ()


def test_what_is_being_written_is_neither_named_nor_taken_away(shop: Path) -> None:
    folder, going_on, done = shop.parent, threading.Event(), threading.Event()

    def write() -> None:
        with whole_file(folder / "slow") as unfinished:
            unfinished.write_text("half of it")
            going_on.set()
            done.wait(60)

    writer = threading.Thread(target=write)
    writer.start()
    assert going_on.wait(60)
    assert left_behind([folder]) == []
    assert say(folder, "backup", "backup.db") == ""
    done.set()
    writer.join()
    assert (folder / "slow").read_text() == "half of it"
    assert not list(folder.glob(f"*{SUFFIX}"))


def test_what_merely_has_such_a_name_by_a_link_stays(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / f"a{SUFFIX}").symlink_to("precious")
    with whole_file(tmp_path / "new") as unfinished:
        unfinished.write_text("new")
    assert (tmp_path / "precious").is_dir()


def test_a_store_on_postgres_has_no_files(postgres_database_url: str) -> None:
    with closing(Store(postgres_database_url)) as store:
        assert store.database.files() == ()
