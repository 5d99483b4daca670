"""`reminders` and `calendar` at the command line."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest
from icalendar import Calendar
from rich.cells import cell_len

from saying import Say
from shops import default_text

CARE = '\n[[care]]\nid = "years"\ntitle = "Thank them"\non = "first_order"\nahead_days = 7\nlate_days = 365\n'


@pytest.fixture
def shop(say: Say, tmp_path: Path) -> Say:
    say("do", "RegisterCustomer", "ref=a", "name=Ada", "birthday=--02-29", "occurred_at=2024-01-01T12:00:00Z")
    say(
        "do",
        "RecordPurchase",
        "customer=a",
        "order_id=1",
        "amount=20.00",
        "currency=EUR",
        "occurred_at=2024-03-01T12:00:00Z",
    )
    rules = tmp_path / "rules.toml"
    rules.write_text(default_text() + CARE, encoding="utf-8")
    say("rules", "publish", str(rules), "--reason", "calls")
    return say


def test_a_list_says_whom_to_call_why_and_how_to_settle_it(shop: Say) -> None:
    shown = shop("reminders", "--as-of", "2025-03-02").out
    assert "2025-03-01!" in shown
    assert "first order on 2024-03-01" in " ".join(shown.split())
    assert "regulars do SettleReminder customer=a care=years day=2025-03-01 how=done" in shown
    assert max(map(len, shown.splitlines()[:-1])) <= 80
    [line] = shop("reminders", "--as-of", "2025-03-02", "--json").json
    assert (line["due"], line["is_overdue"], line["name"]) == ("2025-03-01", True, "Ada")
    assert shop("reminders", "--as-of", "2025-03-02", "--csv").out.startswith("due,care,title,customer_id,ref,name,why")
    assert shop("reminders", "--as-of", "2024-06-01").out.strip() == "Nobody is to be called."


@pytest.mark.parametrize("ref", [";touch pwned", 'it\'s \\ "here" $HOME', "x y" * 60, "'" * 40, "\u8336" * 60])
def test_the_command_that_is_printed_is_one_that_a_shell_takes_for_what_is_meant(
    shop: Say, tmp_path: Path, ref: str
) -> None:
    shop("do", "RegisterCustomer", f"ref={ref}", "occurred_at=2023-12-01T12:00:00Z")
    buys = (f"customer={ref}", "order_id=2", "amount=20.00", "occurred_at=2024-02-20T12:00:00Z")
    assert shop("do", "RecordPurchase", *buys).status == 0
    command = "SettleReminder", f"customer={ref}", "care=years", "day=2025-02-20", "how=done"
    for words in (("reminders",), ("today",)):
        lines = shop(*words, "--as-of", "2025-03-02").out.splitlines()
        begins = next(place for place, line in enumerate(lines) if line.strip().startswith("regulars do"))
        ends = next(place for place in range(begins, len(lines)) if not lines[place].endswith("\\"))
        assert max(map(cell_len, lines[begins : ends + 1])) <= 80
        typed = "regulars() { printf '%s\\n' \"$@\"; }\n" + "\n".join(lines[begins : ends + 1])
        said = subprocess.run(["/bin/sh", "-c", typed], capture_output=True, text=True, check=True, cwd=tmp_path)
        assert said.stdout.splitlines() == ["do", *command]


def test_a_calendar_is_written_for_its_owner_alone(shop: Say, tmp_path: Path) -> None:
    out = tmp_path / "shop.ics"
    shop("calendar", "--out", str(out), "--from", "2025-01-01", "--to", "2028-12-31")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    birthdays = [each for each in Calendar.from_ical(out.read_bytes()).walk("VEVENT") if "Birthday" in each["SUMMARY"]]
    assert [str(each["DTSTART"].dt) for each in birthdays] == ["2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]
    shop("calendar", "--out", str(out), "--force", "--without-names")
    assert b"Ada" not in out.read_bytes()
    said = shop("calendar", "--out", str(out), "--force", "--from", "2025-02-28", "--to", "2025-02-28").out
    assert said.split()[:3] == ["1", "entry", "in"]
