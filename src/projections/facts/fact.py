"""What a fact is that rules may ask of a customer: wholly defined, or it can't be named.

1. A fact says what it finds at an instant, when time alone changes what a condition on it says, which events are behind
   it and which can change it, and all of that in words. Nothing else knows what it is: the grammar, judging, explaining
   and the reference go by these parts.
2. What it finds is None where it is undefined, and an undefined fact makes any condition false.
3. A bound is in the unit of what is found: microseconds for what elapses, minor units for money.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import FOREVER
from regulars.projections.facts.shared import Facts
from regulars.projections.verdict import Told

if TYPE_CHECKING:  # which hold conditions, and these are asked under them
    from regulars.projections.rules.compiled import Rules

Kind = Literal["flag", "count", "score", "amount", "elapsed", "ratio", "choice", "set"]
Key = Literal["is", "from", "above", "below", "in", "not_in", "has", "any", "lacks"]

#: The keys by which a condition on each kind of fact has its bounds.
KEYS: Mapping[Kind, tuple[Key, ...]] = MappingProxyType(
    {
        "flag": ("is",),
        "count": ("from", "below"),
        "score": ("from", "below"),
        "amount": ("from", "below"),
        "elapsed": ("from", "above", "below"),
        "ratio": ("from", "below"),
        "choice": ("in", "not_in"),
        "set": ("has", "any", "lacks"),
    }
)

Bound = bool | int | Fraction | frozenset[str]

#: Whether what was found is as a key's bound demands: (found, bound) -> bool. More than a bound is compiled to `from`.
_DEMANDS: Mapping[Key, Callable[[Any, Any], bool]] = MappingProxyType(
    {
        "is": operator.eq,
        "from": operator.ge,
        "below": operator.lt,
        "in": lambda found, bound: found in bound,
        "not_in": lambda found, bound: found not in bound,
        "has": operator.ge,
        "any": lambda found, bound: not found.isdisjoint(bound),
        "lacks": lambda found, bound: found.isdisjoint(bound),
    }
)

#: [begins, ends), in which a condition holds if nothing more happens; ends at or before it begins for never.
Span = tuple[int, int]
ALWAYS: Span = (-FOREVER, FOREVER)
NEVER: Span = (FOREVER, -FOREVER)


NOTHING_TOLD: Told = MappingProxyType({})


class Subject:
    """Of whom facts are asked: one customer of whom no event is known after `at`, under some rules.

    `ended` is the last stage that an order ended, at `ended_at`; `told` is what other projections hold from `at` on.
    """

    __slots__ = ("_gap", "at", "ended", "ended_at", "facts", "first_order_at", "last_order_at", "rules", "told")

    first_order_at: int | None
    last_order_at: int | None

    def __init__(
        self, facts: Facts, rules: Rules, ended: str | None, ended_at: int, at: int, told: Told = NOTHING_TOLD
    ) -> None:
        self.facts = facts
        self.rules = rules
        self.ended = ended
        self.ended_at = ended_at
        self.at = at
        self.told = told
        # Several rungs ask for these, so they are worked out once.
        instants = facts.order_instants
        self.first_order_at, self.last_order_at = (instants[0], instants[-1]) if instants else (None, None)
        self._gap: tuple[int, int] | None = None

    @property
    def gap(self) -> tuple[int, int] | None:
        """The expected gap between orders, as N and D; None before the first one."""
        if self._gap is None and self.last_order_at is not None:
            self._gap = self.rules.cadence.expected(self.facts)
        return self._gap


#: What is found of a subject within a window (in microseconds; None for ever) that ends at an instant.
Found = Callable[[Subject, int | None, int], Any]


class Never(Struct, frozen=True):
    """Time alone changes no condition on the fact."""


class Once(Struct, frozen=True):
    """Time alone changes a condition on the fact at most once a side: it holds in one span, worked out at once."""

    span: Callable[[Subject, Condition], Span]


class Often(Struct, frozen=True):
    """Time alone may change a condition on the fact at any of these instants in (at, until), and at no other.

    `instants` are asked with (subject, condition, at, until).
    """

    instants: Callable[[Subject, Condition, int, int], Iterable[int]]


class Fact(Struct, frozen=True, kw_only=True):
    """One fact that rules may ask. Raises ValueError for what is left empty, or can't be so.

    `windowed` is whether a condition on it may have `within_days`: then only what leaves the window flips it, and a
    window never holds more than there is without one. `undefined` says when there is nothing to find.
    `events` are the types that can change what is found; where it is the verdict of another projection, `reads` is the
    name of that, which says itself what can change it. `positions` are those of the events behind what was found, and
    `words` are the beginning of a sentence, which a condition ends with its bound.
    """

    name: str
    kind: Kind
    windowed: bool
    undefined: str
    found: Found
    flips: Never | Once | Often
    positions: Callable[[Subject, int | None, int], tuple[int, ...]]
    words: Callable[[Subject, Any], str]
    meaning: str
    events: frozenset[type[Event]]
    reads: str | None = None

    def __post_init__(self) -> None:
        unsaid = {"events"} if self.reads else {"reads"}
        for part in self.__struct_fields__:
            if part not in unsaid and getattr(self, part) in (None, "", frozenset()):
                raise ValueError(f"the fact {self.name!r} doesn't say its {part}")
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise ValueError(f"a fact can't be called {self.name!r}: expected lower-case letters, digits and _")
        if self.kind not in KEYS:
            raise ValueError(f"the fact {self.name!r} is of no kind: found {self.kind!r}, allowed: {', '.join(KEYS)}")
        moving = self.windowed or self.kind in ("elapsed", "ratio")
        if not isinstance(self.flips, Once | Often if moving else Never | Once | Often):
            raise ValueError(f"the fact {self.name!r} doesn't say at which instants it flips: time alone changes it")


def table(*facts: Fact) -> Mapping[str, Fact]:
    """Facts by their names. Raises ValueError for a name that two of them have."""
    by_name = {fact.name: fact for fact in facts}
    for fact in facts:
        if by_name[fact.name] is not fact:
            raise ValueError(f"two facts are called {fact.name!r}")
    return MappingProxyType(by_name)


class Condition(Struct, frozen=True, kw_only=True):
    """One condition with one bound, ready to be asked.

    `span` is when it holds, unless its fact flips often; `text` is the bound in words, to follow what was found.
    """

    fact: Fact
    span: Callable[[Subject, Condition], Span]
    key: Key
    bound: Any
    window: int | None
    text: str

    def demands(self, found: Any) -> bool:
        """Whether what was found is as the bound demands."""
        return found is not None and _DEMANDS[self.key](found, self.bound)

    def holds(self, subject: Subject, at: int) -> bool:
        """Whether it holds at an instant."""
        return self.demands(self.fact.found(subject, self.window, at))

    def flips(self, subject: Subject, at: int, until: int) -> list[int]:
        """The instants in (at, until) at which time alone may change it."""
        match self.fact.flips:
            case Often(instants=of):  # as of all that are asked in steps
                instants = of(subject, self, at, until)
            case Once(span=span):
                instants = span(subject, self)
            case Never():
                instants = ()
        return [instant for instant in instants if at < instant < until]


def for_good(subject: Subject, condition: Condition) -> Span:
    """When a condition holds that time alone doesn't change: always or never."""
    return ALWAYS if condition.demands(condition.fact.found(subject, condition.window, subject.at)) else NEVER
