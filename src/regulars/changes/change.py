"""What a change feed tells: changes, each of one kind, in batches; and which of them a subscriber wants."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Literal, get_args

from msgspec import Struct

from regulars.crm_domain.command import CustomerId

#: `recorded`: an event was recorded. `began`: an event that was told at once made it so. `fell_due`: time alone did.
#: `corrected`: it holds otherwise than was told, as something was told late, voided, merged or imported.
#: `rules_moved`: other rules came into force.
ChangeKind = Literal["recorded", "began", "fell_due", "corrected", "rules_moved"]
CHANGE_KINDS: tuple[ChangeKind, ...] = get_args(ChangeKind)


class Change(Struct, frozen=True, kw_only=True):
    """One change. Nothing in it is personal.

    `id` is stable and unique in all feeds of all stores, for receivers that drop what they have seen. `what` is the
    name of a verdict, such as "tier" or "segment", or the type of the event that was `recorded`. `customer_id` is None
    for what concerns the business alone, `key` is the ticket, segment, task, … it is about, None where a customer has
    one verdict. `old` and `new` are values, None where nothing was held before, or is held from now on.

    `since` is when the new state began, or when the recorded event happened. `position` is that of the event behind it,
    None where there is none. `due` is when time alone made it so, else None.
    """

    id: str
    kind: ChangeKind
    what: str
    customer_id: CustomerId | None
    key: str | None
    old: str | None
    new: str | None
    since: datetime
    position: int | None
    due: datetime | None


class Batch(Struct, frozen=True, kw_only=True):
    """Up to 1,000 changes in the order in which they are to be applied. Batches of a subscription count from 1."""

    number: int
    changes: tuple[Change, ...]


class Selection(Struct, frozen=True, kw_only=True):
    """Which changes are wanted: `pairs` of kind and what, and those that are of some `kinds` and of some `whats`, each
    of which is empty for any. Nothing given selects everything.
    """

    kinds: frozenset[str] = frozenset()
    whats: frozenset[str] = frozenset()
    pairs: frozenset[tuple[str, str]] = frozenset()

    def wants(self, kind: str, what: str) -> bool:
        """Whether a change is selected."""
        if (kind, what) in self.pairs:
            return True
        if self.pairs and not self.kinds and not self.whats:
            return False
        return (not self.kinds or kind in self.kinds) and (not self.whats or what in self.whats)

    @property
    def words(self) -> tuple[str, ...]:
        """The words that say this, in alphabetical order."""
        return tuple(sorted([*self.kinds, *self.whats, *(f"{kind}:{what}" for kind, what in self.pairs)]))


def parse_selection(words: Collection[str], verdicts: Collection[str], events: Collection[str]) -> Selection:
    """The selection that words make: a kind, a verdict's name or an event's type, or both as "fell_due:tier".

    Raises ValueError for any other word.
    """
    if isinstance(words, str):
        raise ValueError(f'kinds are a collection of words, such as ["{words}"], and not one text')
    kinds, whats, pairs = set[str](), set[str](), set[tuple[str, str]]()
    for word in words:
        kind, colon, what = str(word).partition(":")
        if colon and kind in CHANGE_KINDS and what in (events if kind == "recorded" else verdicts):
            pairs.add((kind, what))
        elif not colon and word in CHANGE_KINDS:
            kinds.add(word)
        elif not colon and (word in verdicts or word in events):
            whats.add(word)
        else:
            raise ValueError(
                f'"{word}" selects no changes; kinds are {", ".join(CHANGE_KINDS)}, the name of a verdict '
                f"({', '.join(sorted(verdicts))}), the type of an event, or both as in fell_due:tier"
            )
    return Selection(kinds=frozenset(kinds), whats=frozenset(whats), pairs=frozenset(pairs))
