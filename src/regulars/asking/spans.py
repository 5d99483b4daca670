"""Spans of time that are asked for, in the words in which they were."""

from __future__ import annotations

from datetime import date, datetime


def ends_too_early(since: datetime | date, until: datetime | date | None) -> ValueError:
    """What is raised for a span that ends before it begins; `until` is None where it ends now."""
    end = "now" if until is None else f"at {until}"
    return ValueError(f"the span begins at {since}, which is after its end {end}")
