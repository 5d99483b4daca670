"""One customer as somebody wants them before a call: `gathering` collects the page, `values` has its types."""

from regulars.asking.on_behalf import OpenOpportunity
from regulars.profile.values import (
    CustomerPage,
    Details,
    Few,
    HeldSegment,
    HeldVerdict,
    Said,
    Standing,
)

__all__ = ["CustomerPage", "Details", "Few", "HeldSegment", "HeldVerdict", "OpenOpportunity", "Said", "Standing"]
