"""What a store is read and judged with: a value that everything is handed, so that others can bring their own."""

from __future__ import annotations

from msgspec import Struct

from crm_domain.catalogue import CATALOGUE, Catalogue
from projections.fold import PROJECTORS
from projections.projector import Projector


class Registry(Struct, frozen=True, kw_only=True):
    """The aggregates that events happen to, and the projectors that judge, in the order in which they may read others.

    Raises ValueError for a name that two projectors have.
    """

    catalogue: Catalogue
    projectors: tuple[Projector, ...]

    def __post_init__(self) -> None:
        names = [projector.name for projector in self.projectors]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f'two projections are called "{name}"')

    def projector(self, name: str) -> Projector:
        """The projector of a name. Raises KeyError where there is none."""
        return {each.name: each for each in self.projectors}[name]


#: What Regulars brings itself.
REGISTRY = Registry(catalogue=CATALOGUE, projectors=PROJECTORS)
