"""What campaigns did, drawn: each difference with its interval on an axis on which 0 is marked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from math import ceil, floor, log10

from regulars.effects import CampaignEffect, CampaignEffects, CampaignReading, PooledReading
from regulars.pictures.estimates import Estimated, Estimates, Panel, estimates
from regulars.pictures.parts import Number

_TOLD = "Each dot is the treated less those held out, each line its 95 % interval; one across 0 shows no difference."


def effect_svg(found: CampaignEffect, zone: tzinfo) -> str:
    """A campaign's two answers as an SVG; days are those of `zone`."""
    scale = _scale(found.outcome)
    answers = [("then", found.then), ("now", found.now)]
    rows = [
        _row(f"as known {when}, {each.known_at.astimezone(zone).date()}", each, scale)
        for when, each in answers
        if each is not None
    ]
    name = f"{found.campaign_id}: {_unit(found.outcome, found.currency)}"
    return _picture(f"What campaign {found.campaign_id} did", [_panel(name, rows)] if rows else [], found.sentence)


def effects_svg(found: CampaignEffects) -> str:
    """All campaigns as known now as an SVG: a panel for each kind, and its campaigns together in the last row."""
    panels = []
    for kind in found.kinds:
        for outcome in ("bought", "spend"):
            scale = _scale(outcome)
            rows = [
                _row(each.campaign_id, each.now, scale)
                for each in kind.campaigns
                if each.now and each.outcome == outcome
            ]
            if outcome == "bought" and kind.now is not None:
                rows.append(_row("together", kind.now, scale))
            if rows:
                panels.append(_panel(f"{kind.kind}: {_unit(outcome, found.currency)}", rows))
    return _picture("What campaigns did", panels, "No campaign is decided yet.")


def _picture(title: str, panels: Sequence[Panel], else_told: str) -> str:
    return estimates(Estimates(title=title, told=_TOLD if panels else else_told, panels=panels))


def _scale(outcome: str) -> int:
    return 100 if outcome == "bought" else 1


def _unit(outcome: str, currency: str | None) -> str:
    return "who bought, in points" if outcome == "bought" else f"spend a family, in {currency or 'no currency'}"


def _row(group: str, reading: CampaignReading | PooledReading, scale: int) -> Estimated:
    found = reading.difference
    if found is None:
        return Estimated(group=group, value=None, low=None, high=None, said="can't tell")
    value, low, high = (each * scale for each in (found.value, found.low, found.high))
    return Estimated(group=group, value=value, low=low, high=high, said=f"{value:+,.1f} ({low:+,.1f} to {high:+,.1f})")


def _panel(title: str, rows: Sequence[Estimated]) -> Panel:
    return Panel(title=title, marks=_marks(rows), rows=rows)


def _marks(rows: Sequence[Estimated]) -> Sequence[Number]:
    """An axis of round numbers that has 0 on it, and all ends."""
    ends = [0.0, *(end for row in rows for end in (row.low, row.value, row.high) if end is not None)]
    span = max(ends) - min(ends) or 1.0
    step = 10.0 ** floor(log10(span))
    step = step / 2 if span / step < 3 else step
    first, last = floor(min(ends) / step), ceil(max(ends) / step)
    marks = [place * step for place in range(first, max(last, first + 1) + 1)]
    return [int(mark) if mark == int(mark) else mark for mark in marks]
