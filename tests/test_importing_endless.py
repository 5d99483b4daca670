"""An import of what has no end, or never begins, is refused in a sentence; whoever writes slowly is waited for."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import regulars
from regulars import InvalidMapping, NotFound
from regulars.adapters.importing import lines, load_mapping, source
from regulars.crm_domain.catalogue import CATALOGUE
from regulars.doing.importing import ImportReport

MAPPING = """
format = "csv"
[customer]
ref = "{ref}"
"""
JSONL = MAPPING.replace('"csv"', '"jsonl"')


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., ImportReport]:
    def run(path: Path, mapping: str = MAPPING) -> ImportReport:
        (tmp_path / "map.toml").write_text(mapping)
        with regulars.open(tmp_path / "shop.db", currency="EUR") as crm:
            return crm.import_file(path, load_mapping(tmp_path / "map.toml", CATALOGUE))

    return run


Load = Callable[..., ImportReport]


def test_a_pipe_that_nobody_writes_to_is_not_waited_for_for_ever(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "WAIT_FOR_A_WRITER", 0.1)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotFound, match=r"is a pipe, and nothing was written to it within 0\.1 seconds"):
        load(tmp_path / "pipe")


def test_whoever_writes_to_a_pipe_is_waited_for(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "WAIT_FOR_A_WRITER", 60.0)
    os.mkfifo(tmp_path / "pipe")
    rows = [f"shop:{number}" for number in range(20_000)]
    opened, read_on = threading.Event(), threading.Event()

    def write() -> None:
        with (tmp_path / "pipe").open("w") as pipe:
            opened.set()
            read_on.wait(0.3)
            pipe.write("ref\n")
            pipe.flush()
            read_on.wait(0.3)
            pipe.write("\n".join(rows))

    writer = threading.Thread(target=write)
    writer.start()
    report = load(tmp_path / "pipe")
    writer.join()
    assert (report.rows, report.rejected) == (len(rows), 0)


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom", "/dev/full"])
@pytest.mark.parametrize("mapping", [MAPPING, JSONL])
def test_a_device_is_no_file(load: Load, device: str, mapping: str) -> None:
    with pytest.raises(NotFound, match=f"{device} is a device"):
        load(Path(device), mapping)


@pytest.mark.parametrize("mapping", [MAPPING, JSONL])
def test_a_line_that_does_not_end_is_given_up(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mapping: str
) -> None:
    monkeypatch.setattr(lines, "MAX_LINE", 500_000)
    with (tmp_path / "file").open("wb") as file:
        file.write(b'{"ref": "1"}\n' if mapping == JSONL else b"ref\n1\n")
        file.truncate(10**12)  # which takes no room
    report = load(tmp_path / "file", mapping)
    assert (report.rows, report.rejected) == (3, 2)
    assert "longer than 131,072 characters" in report.rejects[0].reason or "NUL" in report.rejects[0].reason
    assert "doesn't end within 500,000 characters" in report.rejects[1].reason


def test_nor_does_a_header(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_LINE", 500_000)
    with (tmp_path / "file").open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(InvalidMapping, match="the header in line 1 can't be read"):
        load(tmp_path / "file")
