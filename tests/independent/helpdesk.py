"""The tickets of a help desk's log, worked out from its rows alone: no part of the library is used here.

Another way to the same answers, to hold the library's against. Where the library turns rows into commands, commands
into events and folds those, this script reads a ticket's rows up to an instant and asks each question directly.

    python tests/independent/helpdesk.py helpdesk_tax2017.csv RULES.toml 2013-01-01

prints one JSON object a ticket, sorted by case number, and the counts by state and clock on stderr.

How the file is read: times are UTC. A case's first row opens its ticket, whatever it says, as some logs start without
an insert; it is of normal priority for good, as nothing says otherwise. What the activities mean:

    3 insert ticket          says no more than that it was opened
    1 assign seriousness     which one isn't said, so nothing moves
    8 take in charge         the first time is the first response; what waited goes on, what was settled is reopened
    9 wait                   on hold: the resolution clock stands still
    6 closed                 settled, and not for good: 182 rows "8" and 49 rows "9" come after one
    2, 4, 5, 7               rare (68 rows), mostly between 8 and 6: taken for work on the ticket, which leaves what
                             waits waiting and reopens what was settled

A row that would reopen what counts as closed under the rules is refused, and has no effect.

Where the rules have business hours, a clock runs in them: every day between two instants is looked at.

Everything is exact: instants are integer microseconds since 1970, hours are Fractions.
"""

import csv
import json
import sys
import tomllib
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1) // MICROSECOND
HOUR = timedelta(hours=1) // MICROSECOND

INSERT, SERIOUSNESS, IN_CHARGE, WAIT, SETTLED = "3", "1", "8", "9", "6"
RARE = ("2", "4", "5", "7")
PRIORITY = "normal"

Row = tuple[int, str]  # instant, activity
Rules = dict[str, Any]


# --- Reading ----------------------------------------------------------------------------------------------------------


def instant(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def last_instant_of(day: date, zone: ZoneInfo) -> int:
    """The microsecond before the next midnight of the business's zone."""
    return instant(datetime.combine(day + timedelta(days=1), time(), tzinfo=zone)) - 1


def read_rows(path: Path) -> dict[str, list[Row]]:
    """Every case's rows in the order of the file, by case number."""
    cases: dict[str, list[Row]] = {}
    with path.open(newline="", encoding="ascii") as file:
        for line in csv.DictReader(file):
            moment = datetime.fromisoformat(line["CompleteTimestamp"]).replace(tzinfo=UTC)
            activity = line["ActivityID"]
            if activity not in (INSERT, SERIOUSNESS, IN_CHARGE, WAIT, SETTLED, *RARE):
                raise ValueError(f"nobody knows the activity {activity!r}")
            cases.setdefault(line["CaseID"], []).append((instant(moment), activity))
    for case, rows in cases.items():
        if any(later < earlier for (earlier, _), (later, _) in pairwise(rows)):
            raise ValueError(f"the rows of case {case} are not in order of time")
    return cases


def read_rules(path: Path) -> Rules:
    with path.open("rb") as file:
        return tomllib.load(file, parse_float=Decimal)


# --- What was known of a ticket at an instant -------------------------------------------------------------------------


def taken(rows: list[Row], auto_close: int) -> list[Row]:
    """The rows that are not refused: all but those that come when the ticket counts as closed."""
    kept: list[Row] = []
    for at, activity in rows:
        since = settled_since(kept)
        if since is None or at - since < auto_close or activity in (INSERT, SETTLED):
            kept.append((at, activity))
    return kept


def state_after(rows: list[Row]) -> str:
    """What the last row says; where that says nothing of it, the row before it."""
    for index in range(len(rows) - 1, -1, -1):
        match rows[index][1]:
            case "6":
                return "resolved"
            case "9":
                return "on_hold"
            case "8":
                return "open"
            case "2" | "4" | "5" | "7":
                return "on_hold" if state_after(rows[:index]) == "on_hold" else "open"
    return "new"


def settled_since(rows: list[Row]) -> int | None:
    """When the ticket was settled, if it is: settled twice in a row, the first time counts."""
    since = None
    for count in range(len(rows), 0, -1):
        if state_after(rows[:count]) != "resolved":
            break
        since = rows[count - 1][0]
    return since


def first_response_at(rows: list[Row]) -> int | None:
    """When somebody first took it in charge, or settled it without that."""
    return next((at for at, activity in rows if activity in (IN_CHARGE, SETTLED)), None)


def open_between(since: int, until: int, rules: Rules) -> int:
    """Microseconds in which the business was open: all there are without [[business.hours]], of which one is enough
    here, with spans that end on their day and no holidays.
    """
    tables = rules["business"].get("hours")
    if tables is None:
        return until - since
    (hours,) = tables
    zone = ZoneInfo(rules["business"]["timezone"])
    day, passed = (EPOCH + since * MICROSECOND).astimezone(zone).date(), 0
    while instant(datetime.combine(day, time(), tzinfo=zone)) < until:
        for span in hours.get(f"{day:%A}".lower(), ()):
            begin, end = (instant(datetime.combine(day, time.fromisoformat(each), zone)) for each in span.split("-"))
            passed += max(0, min(end, until) - max(begin, since))
        day += timedelta(days=1)
    return passed


def worked(rows: list[Row], at: int, rules: Rules) -> int:
    """Microseconds in which the ticket was neither waiting nor settled, and the business was open."""
    ends = [row[0] for row in rows[1:]] + [at]
    return sum(
        open_between(rows[index][0], end, rules)
        for index, end in enumerate(ends)
        if state_after(rows[: index + 1]) not in ("on_hold", "resolved")
    )


def clock(ran: int, hours: Decimal, fraction: Decimal, *, ended: bool) -> str:
    """What a clock says that ran so long."""
    target = Fraction(hours) * HOUR
    if ended:
        return "met" if ran < target else "late"
    if ran >= target:
        return "breached"
    return "due_soon" if ran >= Fraction(fraction) * target else "on_time"


# --- Verdicts ---------------------------------------------------------------------------------------------------------


def verdict(case: str, rows: list[Row], at: int, rules: Rules) -> dict[str, Any]:
    """One ticket at an instant; `rows` are those known then, and at least one."""
    table = rules["ticket"]
    auto_close = int(table["auto_close_days"]) * DAY
    known = taken(rows, auto_close)
    opened_at, answered_at, settled_at = known[0][0], first_response_at(known), settled_since(known)
    ran = worked(known, at, rules)
    counts_as_closed = settled_at is not None and at - settled_at >= auto_close
    return {
        "ticket": f"helpdesk:{case}",
        "state": state_after(rows),
        "status": "closed" if counts_as_closed else state_after(known),
        "opened_at": opened_at,
        "first_response_at": answered_at,
        "resolved_at": settled_at,
        "first_response": clock(
            open_between(opened_at, at if answered_at is None else answered_at, rules),
            table["first_response_hours"][PRIORITY],
            table["due_soon_fraction"],
            ended=answered_at is not None,
        ),
        "resolution": clock(
            ran, table["resolution_hours"][PRIORITY], table["due_soon_fraction"], ended=settled_at is not None
        ),
        "worked": ran,
        "refused_rows": len(rows) - len(known),
    }


def verdicts(path: Path, rules: Rules, at: int) -> dict[str, dict[str, Any]]:
    """Every ticket at an instant, by the id it has in the library; those not yet opened then are left out."""
    found: dict[str, dict[str, Any]] = {}
    for case, rows in sorted(read_rows(path).items(), key=lambda item: int(item[0])):
        known = [row for row in rows if row[0] <= at]
        if known:
            found[f"helpdesk:{case}"] = verdict(case, known, at, rules)
    return found


def main(arguments: list[str]) -> int:
    if len(arguments) != 3:
        sys.stderr.write("usage: helpdesk.py LOG.csv RULES.toml YYYY-MM-DD\n")
        return 2
    rules = read_rules(Path(arguments[1]))
    at = last_instant_of(date.fromisoformat(arguments[2]), ZoneInfo(rules["business"]["timezone"]))
    found = verdicts(Path(arguments[0]), rules, at)
    for one in found.values():
        sys.stdout.write(json.dumps(one) + "\n")
    for key in ("state", "status", "first_response", "resolution"):
        counts = Counter(one[key] for one in found.values())
        sys.stderr.write(f"{key}: " + ", ".join(f"{value} {count}" for value, count in counts.most_common()) + "\n")
    refused = sum(one["refused_rows"] for one in found.values())
    sys.stderr.write(f"tickets {len(found)}, rows refused {refused}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
