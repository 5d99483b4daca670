"""What each band of value comes to, as bars."""

from __future__ import annotations

from regulars.asking.value import ValuePage
from regulars.pictures.charts import Chart, stacked


def value_svg(page: ValuePage, *, currency: str | None, segment: str | None = None) -> str:
    """The net spend of each band as a picture: SVG with its title, a description, and every number in words."""
    of = "" if segment is None else f", segment {segment}"
    return stacked(
        Chart(
            title=f"Net spend by band of value in {currency or 'no currency yet'}, as of {page.as_of:%Y-%m-%d}{of}",
            told="What the customers of each band spent in the window of the rules, n of them. Rounded to whole units.",
            columns=[f"{each.band}, n = {each.customers:,}" for each in page.bands],
            series={"net spend": [round(each.net_spend) for each in page.bands]},
        )
    )
