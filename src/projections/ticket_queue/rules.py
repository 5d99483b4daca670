"""The table [ticket]: the targets of the help desk."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field

from regulars.projections.parts import MAX_DAYS, Days, FewDigits, Part, exact_number

Hours = Annotated[Decimal, BeforeValidator(exact_number), FewDigits, Field(gt=0, le=24 * MAX_DAYS)]


class HoursByPriority(Part):
    """Hours for each priority of a ticket."""

    urgent: Hours = Field(description="Hours for an urgent ticket.")
    high: Hours = Field(description="Hours for a ticket of high priority.")
    normal: Hours = Field(description="Hours for a normal ticket.")
    low: Hours = Field(description="Hours for a ticket of low priority.")


class Ticket(Part):
    """Targets of the help desk, in hours in which the business is open."""

    first_response_hours: HoursByPriority = Field(description="The time within which a ticket gets its first reply.")
    resolution_hours: HoursByPriority = Field(
        description="The time within which a ticket is resolved, while it neither awaits the customer nor is on hold."
    )
    due_soon_fraction: Annotated[Decimal, BeforeValidator(exact_number), FewDigits, Field(gt=0, lt=1)] = Field(
        description="The part of a target after which it is due soon."
    )
    auto_close_days: Days = Field(description="A ticket that was resolved so many days ago counts as closed.")
