"""One customer as somebody wants them before a call: `gathering` collects the page, `values` has its types."""

from regulars.profile.values import (
    CustomerPage,
    Details,
    HeldSegment,
    HeldVerdict,
    Latest,
    OpenTickets,
    Said,
    Standing,
)

__all__ = ["CustomerPage", "Details", "HeldSegment", "HeldVerdict", "Latest", "OpenTickets", "Said", "Standing"]
