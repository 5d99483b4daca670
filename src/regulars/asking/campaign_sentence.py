"""What the arms of a campaign could show, in a sentence."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from regulars.asking.campaign_preview import CampaignPreview


def what_it_shows(found: CampaignPreview) -> str:
    """What the arms of a campaign could show, and of a segment who was counted for that."""
    if found.campaign.segment is None or not found.counted_before:
        return _what_it_shows(found)
    who = "person who was" if found.counted_before == 1 else "people who were"
    return f"{_what_it_shows(found)} Counted are the {found.counted_before:,} {who} in the segment as those days began."


def _what_it_shows(found: CampaignPreview) -> str:
    arms = f"With {found.treated:,} and {found.held_out:,} people"
    days = max(1, round(found.window / timedelta(days=1)))
    if not found.counted_before:
        return f"{arms} nothing can be said, as nobody was in the segment {days} days before."
    if found.campaign.outcome == "spend":
        if found.shows_spend is None and found.bought_before:
            return f"{arms}, of whom it isn't known how much their spend varies, nothing can be said."
        if found.shows_spend is None:
            return f"{arms}, of whom nobody spent anything in the {days} days before, nothing can be said."
        return (
            f"{arms} who spent {found.spread:,} more or less in the {days} days before, only a mean difference of "
            f"{found.shows_spend:,} or more would be seen 4 times out of 5."
        )
    rate = _percent(Decimal(found.bought_before) / found.counted_before)
    anyway = f"{arms} and {rate} % who buy anyway, as in the {days} days before,"
    if found.shows is None:
        said = f"{anyway} no difference would be seen 4 times out of 5"
    else:
        said = f"{anyway} only a difference of {_points(found.shows)} or more would be seen 4 times out of 5"
    needed = [f"{one.people:,} people would show {_points(one.difference)}" for one in found.people_needed]
    return "; ".join([said, *needed]) + "."


def _percent(share: Decimal) -> str:
    return f"{share * 100:.1f}".removesuffix(".0")


def _points(difference: Decimal) -> str:
    percent = _percent(difference)
    return "1 point" if percent == "1" else f"{percent} points"
