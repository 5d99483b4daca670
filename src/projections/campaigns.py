"""The table [campaigns]: how often somebody gets an offer, when nothing is sent, and who gets none for a while."""

from __future__ import annotations

import hashlib
import re
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from regulars.projections.business_hours.rules import Day
from regulars.projections.parts import FewDigits, Part, WindowDays, Word, exact_number

_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def _time(value: object) -> str:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise ValueError('expected a time of day such as "21:00"')
    return value


Time = Annotated[str, BeforeValidator(_time)]
Share = Annotated[Decimal, BeforeValidator(exact_number), FewDigits, Field(gt=0, lt=1)]


class HeldOutOfAll(Part):
    """A share of the customers that gets no offer of any campaign for a while, to see what all of them do together."""

    share: Share = Field(description="The share of the customers, such as 0.05.")
    from_: Day = Field(alias="from", description="From this day on, in the business's zone.")
    until: Day = Field(description="Up to this day; then others can be drawn, by another seed.")
    seed: Word = Field(description="A word that the draw depends on: another one holds others out.")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> HeldOutOfAll:
        if self.until < self.from_:
            raise ValueError(f"hold_out can't end on {self.until}, before it begins on {self.from_}")
        return self

    def holds_out(self, customer_id: str, day: date) -> bool:
        """Whether a customer gets no offer on a day. It depends on them alone, and not on who else there is."""
        digest = hashlib.sha256(f"{self.seed}:{customer_id}".encode()).hexdigest()
        return self.from_ <= day <= self.until and Fraction(int(digest, 16), 16 ** len(digest)) < Fraction(self.share)


class CampaignRules(Part):
    """How often somebody may be in a campaign, when nothing is sent, and who is held out of all of them."""

    max_offers: Annotated[int, Field(strict=True, ge=1, le=1_000)] = Field(
        default=4, description="So often somebody is drawn within the window, over all campaigns, held out or not."
    )
    within_days: WindowDays = Field(default=30, description="The window of `max_offers`, in days.")
    quiet_from: Time | None = Field(
        default=None, description='From this time of day on nothing is sent, such as "21:00", in the business\'s zone.'
    )
    quiet_to: Time | None = Field(default=None, description='Until this time of day nothing is sent, such as "08:00".')
    hold_out: HeldOutOfAll | None = Field(
        default=None, description="A share of the customers that gets no offer of any campaign for a while."
    )

    @model_validator(mode="after")
    def _is_quiet_for_a_while(self) -> CampaignRules:
        if (self.quiet_from is None) != (self.quiet_to is None):
            raise ValueError("quiet_from and quiet_to belong together: give both, or neither")
        if self.quiet_from is not None and self.quiet_from == self.quiet_to:
            raise ValueError("quiet_from and quiet_to must differ, else nothing would ever be sent")
        return self
