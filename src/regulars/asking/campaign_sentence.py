"""What the arms of a campaign could show, in a sentence."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from regulars.asking.campaign_preview import CampaignPreview


def what_it_shows(found: CampaignPreview) -> str:
    """What the arms of a campaign could show, in a sentence."""
    arms = f"With {found.treated:,} and {found.held_out:,} people"
    days = max(1, round(found.window / timedelta(days=1)))
    if found.campaign.outcome == "spend":
        if found.shows_spend is None:
            return f"{arms}, of whom nobody spent anything in the {days} days before, nothing can be said."
        return (
            f"{arms} who spent {found.spread:,} more or less in the {days} days before, only a mean difference of "
            f"{found.shows_spend:,} or more would be seen 4 times out of 5."
        )
    rate = _percent(Decimal(found.bought_before) / found.eligible)
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
