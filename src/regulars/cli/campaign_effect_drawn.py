"""What campaigns did, as people read it in 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from rich.console import ConsoleRenderable
from rich.table import Table
from rich.text import Text

from regulars.cli import render
from regulars.effects import (
    ArmOutcome,
    CampaignArm,
    CampaignEffect,
    CampaignEffects,
    CampaignReading,
    Difference,
    KindEffect,
    Overlap,
    PooledCampaign,
    PooledReading,
)

Drawn = Iterator[ConsoleRenderable | str]

_BAR = 50
_EXPLORED = 8
EXPLORATORY = "Exploratory, on the decision day: to be looked at, without a verdict."


def effect(found: CampaignEffect, zone: ZoneInfo) -> Drawn:
    """One campaign: its arms, both answers, and what stands beside them."""
    yield f"Campaign {render.clean(found.campaign_id)}: {render.clean(found.title)}"
    judged = "who bought" if found.outcome == "bought" else "what they spent"
    yield f"Judged by {judged}, from {render.minute(found.launched_at, zone)} to the end of {_decision(found, zone)}."
    yield ""
    if found.then is None or found.now is None:
        rows = [("treated", _count(found.treated)), ("held out", _count(found.held_out))]
        yield _table(("Arm", "Families"), rows)
        yield ""
        yield found.sentence
    else:
        yield _answers(found, found.then, found.now, zone)
        yield from _reading("As known then", found.then)
        yield from _reading("As known now", found.now)
    yield ""
    yield from _beside(found)
    yield from _explored(found)
    yield from _overlaps(found.overlaps)


def _decision(found: CampaignEffect | PooledCampaign, zone: ZoneInfo) -> str:
    return render.day(found.decide_at - timedelta(microseconds=1), zone)


def _count(arm: CampaignArm) -> str:
    return f"{arm.families:,}"


def _answers(found: CampaignEffect, then: CampaignReading, now: CampaignReading, zone: ZoneInfo) -> Table:
    rows = [
        (_known(when, reading.known_at, zone) if arm == "treated" else "", arm, *_outcome(outcome))
        for when, reading in (("then", then), ("now", now))
        for arm, outcome in (("treated", reading.treated), ("held out", reading.held_out))
    ]
    spend = f"Spend{f' {found.currency}' if found.currency else ''}"
    return _table(("Known", "Arm", "Families", "Bought", "Share", spend, "A family"), rows, words=2)


def _known(when: str, at: datetime, zone: ZoneInfo) -> str:
    return f"{when}, {render.day(at, zone)}"


def _outcome(each: ArmOutcome) -> tuple[str, ...]:
    if not each.families:
        return "0", "0", "", "0", ""
    share = f"{100 * each.bought / each.families:.1f} %"
    return f"{each.families:,}", f"{each.bought:,}", share, f"{each.spend:,}", f"{each.spend / each.families:,.2f}"


def _reading(heading: str, reading: CampaignReading | PooledReading) -> Drawn:
    yield ""
    yield Text.assemble((f"{heading}: ", "bold"), render.clean(reading.sentence))
    if reading.difference is not None:
        for line in bar(reading.difference):
            yield Text(f"  {line}", no_wrap=True)


def bar(difference: Difference) -> tuple[str, str]:
    """An interval as a bar with its dot, and below it where 0 is."""
    least, most = min(difference.low, 0.0), max(difference.high, 0.0)
    width = (most - least) or 1.0
    zero, low, value, high = (
        round((number - least) / width * _BAR) for number in (0.0, difference.low, difference.value, difference.high)
    )
    cells = [" "] * (_BAR + 1)
    cells[low : high + 1] = "─" * (high - low + 1)
    cells[low], cells[high] = "├", "┤"
    cells[zero] = "┼" if low < zero < high else "│"
    cells[value] = "●"
    return "".join(cells).rstrip(), " " * zero + "0"


def _beside(found: CampaignEffect) -> Drawn:
    """What became of the offers, whatever arm they were in: nobody leaves an arm for it."""
    for name, arm in (("treated", found.treated), ("held out", found.held_out)):
        states = ", ".join(f"{state.replace('_', ' ')} {count:,}" for state, count in arm.offers.items())
        yield Text(f"Offers to the {name}: {states or 'none'}.")
    sent = sum(count for state, count in found.held_out.offers.items() if state != "held_out")
    if sent:
        yield Text(f"{sent:,} who were held out got something all the same; they stay held out.")
    if found.skipped:
        yield Text(f"{found.skipped:,} were skipped before the draw, and are in neither arm.")
    if found.crossed:
        yield Text(
            f"{found.crossed:,} were merged after the draw had put them into different arms; one of them counts."
        )


def _explored(found: CampaignEffect) -> Drawn:
    if not found.exploratory:
        return
    yield ""
    yield EXPLORATORY
    rows = []
    for what, group in groupby(found.exploratory, key=lambda each: each.what):
        values = list(group)
        for place, each in enumerate(values[:_EXPLORED]):
            counted = (_of(each.treated, found.treated), _of(each.held_out, found.held_out))
            rows.append((what if not place else "", each.value, *counted))
        if len(values) > _EXPLORED:
            rows.append(("", f"and {len(values) - _EXPLORED:,} more: --json has all", "", ""))
    yield _table(("", "", "Treated", "Held out"), rows, words=2)


def _of(count: int, arm: CampaignArm) -> str:
    return f"{count:,} ({100 * count / arm.families:.0f} %)" if arm.families else f"{count:,}"


def _overlaps(overlaps: Sequence[Overlap]) -> Drawn:
    if not overlaps:
        return
    yield ""
    yield "Families in the arms of two campaigns at once, whose effects then mix:"
    rows = [(each.first, each.second, f"{each.families:,}", f"{each.treated:,}") for each in overlaps]
    yield _table(("Campaign", "Campaign", "In both", "Treated in both"), rows, words=2)


# ------------------------------------------------------------------------------------------------------- all of a kind


def effects(found: CampaignEffects, zone: ZoneInfo) -> Drawn:
    """All campaigns, kind by kind."""
    if not found.kinds:
        yield "No campaign was launched; `regulars campaign launch ID` launches one."
        return
    for place, kind in enumerate(found.kinds):
        if place:
            yield ""
        yield from _kind(kind, zone, found.currency)
    yield from _overlaps(found.overlaps)


def _kind(kind: KindEffect, zone: ZoneInfo, currency: str | None) -> Drawn:
    pooled = sum(each.is_pooled for each in kind.campaigns)
    yield Text.assemble((render.clean(kind.kind), "bold"), f": {len(kind.campaigns):,} launched, {pooled:,} pooled")
    rows = [(each.campaign_id, _decision(each, zone), *_line(each)) for each in kind.campaigns]
    yield _table(("Campaign", "Decided", "Treated", "Held out", "Difference", "Between"), rows, words=2)
    if any(each.now is not None for each in kind.campaigns):
        yield "Differences in points of those who bought, as known now."
    if kind.then is not None and kind.now is not None:
        yield from _reading("As known then", kind.then)
        yield from _reading("As known now", kind.now)
    if any(each.outcome == "spend" for each in kind.campaigns):
        yield f"* judged by what a family spent{f', in {currency}' if currency else ''}, and so not pooled."


def _line(each: PooledCampaign) -> tuple[str, ...]:
    """A campaign as known now."""
    reading = each.now
    if reading is None:
        return "", "", "not yet", ""
    arms = (f"{one.bought:,} of {one.families:,}" for one in (reading.treated, reading.held_out))
    if reading.difference is None:
        return (*arms, "can't tell", "")
    of_spend = each.outcome == "spend"
    scale, mark = (1, " *") if of_spend else (100, "")
    low, high = (f"{end * scale:+,.1f}" for end in (reading.difference.low, reading.difference.high))
    return (*arms, f"{reading.difference.value * scale:+,.1f}{mark}", f"{low} to {high}")


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1) -> Table:
    """The first columns are words, which fold where there is no room; the others are numbers, to the right."""
    made = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for place, title in enumerate(titles):
        is_number = place >= words
        made.add_column(title, justify="right" if is_number else "left", no_wrap=is_number, overflow="fold")
    for row in rows:
        made.add_row(*(Text(render.clean(cell)) for cell in row))
    return made
