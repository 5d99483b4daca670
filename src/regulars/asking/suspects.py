"""A customer who may be the same as another."""

from __future__ import annotations

from dataclasses import dataclass

from regulars.crm_domain.command import CustomerId


@dataclass(frozen=True, slots=True)
class Suspect:
    """One of several customers who may be the same; names are None once they are forgotten."""

    id: CustomerId
    ref: str | None
    name: str | None
