"""A pipeline, its waterfall and its forecast, worked out from plain tuples, by what is asked for, with nothing of ours.

An event is (opportunity, instant, kind, fields): opened, moved, changed, won, lost, reopened. Instants are seconds.
"""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction

DAY = 86_400


def at(events, when):
    """Each opportunity that was opened by a moment, as a dict: what it was then."""
    found = {}
    for name, instant, kind, fields in sorted(events, key=lambda each: each[1]):
        if instant > when:
            continue
        if kind == "opened":
            found[name] = {"status": "open", "amount": 0, "owner": None, "since": instant, "touched": instant, **fields}
            continue
        one = found[name]
        one["touched"] = instant
        if kind == "moved":
            if fields["stage"] != one["stage"]:
                one["since"] = instant
            one["stage"] = fields["stage"]
        elif kind == "changed":
            one.update(fields)
        elif kind in ("won", "lost"):
            one["status"] = kind
            one["closed"] = instant
            one.update(fields)
        elif kind == "reopened":
            one["status"] = "open"
            one["since"] = instant
            one.update(fields)
    return found


def is_in(one, where):
    return all(one.get(name) == value for name, value in where.items())


def pipeline(events, when, by, rules, where=None):
    """group -> (opportunities, amount, expected, stale)"""
    lines = defaultdict(lambda: [0, 0, Fraction(0), 0])
    for one in at(events, when).values():
        if one["status"] != "open" or not is_in(one, where or {}):
            continue
        probability, stale_days = rules[one["stage"]]
        line = lines[one.get(by)]
        line[0] += 1
        line[1] += one["amount"]
        line[2] += one["amount"] * probability
        line[3] += when - one["touched"] >= stale_days * DAY
    return {group: tuple(line) for group, line in lines.items()}


def waterfall(events, first, second, where=None):
    """part -> (opportunities, amount), with the open ones of both days under "first" and "second" """
    where = where or {}
    before, after = at(events, first), at(events, second)
    parts = defaultdict(lambda: [0, 0])

    def add(part, amount):
        parts[part][0] += 1
        parts[part][1] += amount

    for name, now in after.items():
        was = before.get(name)
        was_open = was is not None and was["status"] == "open"
        now_open = now["status"] == "open"
        was_in = was_open and is_in(was, where)
        now_in = is_in(now, where)
        if was_in:
            add("first", was["amount"])
        if now_open and now_in:
            add("second", now["amount"])
        if not now_open and now["closed"] <= first:
            continue  # its last close doesn't lie between
        if was_in and not now_in:
            add("moved_out", was["amount"])
        elif now_in:
            if was_in:
                grown = now["amount"] - was["amount"]
                if grown:
                    add("grown" if grown > 0 else "shrunk", abs(grown))
            elif was is None:
                add("new", now["amount"])
            elif was_open:
                add("moved_in", now["amount"])
            else:
                add("reopened", now["amount"])
            if not now_open:
                add(now["status"], now["amount"])
    return {part: tuple(sums) for part, sums in parts.items()}


def history(events, when, days=180):
    """stage -> (won within so many days of entering it, entered it at least as long ago)"""
    entered = {}
    for name, instant, kind, fields in sorted(events, key=lambda each: each[1]):
        if instant <= when and kind in ("opened", "moved", "reopened"):
            stage = fields.get("stage") or at([each for each in events if each[0] == name], instant)[name]["stage"]
            entered.setdefault((name, stage), instant)
    won, count = defaultdict(int), defaultdict(int)
    for (name, stage), instant in entered.items():
        if instant + days * DAY <= when:
            then = at([each for each in events if each[0] == name], instant + days * DAY)[name]
            count[stage] += 1
            won[stage] += then["status"] == "won"
    return {stage: (won[stage], count[stage]) for stage in count}
