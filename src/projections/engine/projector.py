"""A projector: one question that is answered for every instant."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from regulars.crm_domain.event import Event
from regulars.projections.engine.column import columns_of
from regulars.projections.facts.fact_set import FactSet
from regulars.projections.facts.shared import SHARED
from regulars.projections.verdict import Interval, Reason, Verdict

#: An instant, the standing from then on, and the verdict that goes with it.
Judgement = tuple[int, Any, Any]
#: (standing, facts, rules, at, until) -> the judgement at `at`, and one for each later instant before `until` at which
#: time alone may change it, in order; none at all where there is nothing to judge yet. Where the rules in force read
#: others, `Told` comes last.
Judge = Callable[..., Iterable[Judgement]]
#: (standing, facts, rules, at), with the standing that `judge` gave for that instant; `Told` comes last as in `Judge`.
#: Where the rules name the timelines, the reasons are by these names.
Explain = Callable[..., tuple[Reason, ...] | Mapping[str, tuple[Reason, ...]]]


#: What lists ask of a verdict: who has a value, in order of ids; who comes to have it, in order of time; whose score is
#: highest; which tickets have a status; and who has a key, such as being in a segment, until when and since when.
ListedBy = Literal["value", "due", "score", "status", "key"]


#: What other tools see of a projection: each interval, or the last one of everybody.
Shows = Literal["timeline", "latest"]


#: The keys that an event is about; None for all that have begun.
Among = Callable[[Any], Collection[str] | None]


class Key(Struct, frozen=True, kw_only=True):
    """What a timeline is of within a customer: the name of that in tables, which one an event is about, and the facts
    of one, which are judged in place of the customer's.

    Where an event may be about several, or the rules say about which, `among` stands in place of `of`: for the rules it
    gives how to find them, where None stands for all that have begun; or None where the rules name none, and nothing is
    judged. Raises ValueError unless just one of both is given.
    """

    name: str
    of: Callable[[Any], str] | None = None
    among: Callable[[Any], Among | None] | None = None
    facts: Callable[[Any, str], Any]

    def __post_init__(self) -> None:
        if (self.of is None) == (self.among is None):
            raise ValueError(f'the key "{self.name}" is found either `of` an event or `among` several')

    def begun_by(self, event: Event, rules: Any) -> Collection[str]:
        """The keys that an event begins, where they haven't begun before."""
        if self.of is not None:
            return (self.of(event),)
        assert self.among is not None
        among = self.among(rules)
        return () if among is None else among(event) or ()


class RuledKey(Struct, frozen=True, kw_only=True):
    """Timelines that the rules name: an event bears on all of them, so they are judged together.

    `name` is what a timeline is of in tables, `names` gives those that the rules have; where they have none, nothing is
    judged. The verdict of `judge` is the standing, which holds what is said of each; `apart` tells intervals of it
    apart, (intervals, rules) -> for each name in alphabetical order its intervals without a gap: None is the verdict of
    one in which nothing is held. Those are not stored, and say from when on what was stored before is outdated.
    """

    name: str
    names: Callable[[Any], Sequence[str]]
    apart: Callable[[Sequence[Interval], Any], list[Interval]]


def _none_more(rules: Any) -> frozenset[type[Event]]:
    return frozenset()


def _nothing(rules: Any) -> frozenset[str]:
    return frozenset()


class Projector(Struct, frozen=True, kw_only=True):
    """One question that is answered for every instant.

    `handles` are the event types that can change the answer, and with the first of which it begins; `heeds` are those
    that can change it, once it has begun, because these rules ask for what they tell. `standing` is what is carried
    from verdict to verdict; `judges_by` names the tables of the rules on which the answer depends. A customer has one
    timeline, or with a `key` one for each of what that names. `verdict` is the type of what is held; its fields are
    columns, and `shows` says which of them others see. `lists_by` names the indexes that lists need, and `ranked_by`
    the numbers in whose order they put customers by their last verdicts. `explain` is None where nobody asks for
    reasons yet. Raise `version` whenever the same events and rules may give other answers.

    `facts` are those it judges by. `may_read` are other projectors whose timelines it may ask, and `reads` gives the
    names of those that the rules in force ask: what changes their answers is heeded, and `judge` and `explain` are told
    what they hold. One that holds nothing yet has no interval.

    Raises ValueError for a verdict with a field that can't be a column, naming it.
    """

    name: str
    question: str
    version: int
    handles: frozenset[type[Event]]
    standing: Any
    judges_by: tuple[str, ...]
    heeds: Callable[[Any], frozenset[type[Event]]] = _none_more
    judge: Judge
    explain: Explain | None = None
    verdict: type[Struct] = Verdict
    key: Key | RuledKey | None = None
    lists_by: tuple[ListedBy, ...] = ()
    ranked_by: tuple[str, ...] = ()
    shows: Shows = "timeline"
    facts: FactSet = SHARED
    may_read: tuple[Projector, ...] = ()
    reads: Callable[[Any], frozenset[str]] = _nothing

    def __post_init__(self) -> None:
        try:
            columns_of(self.verdict, None if self.key is None else self.key.name)
        except ValueError as error:
            raise ValueError(f'the projection "{self.name}" can\'t be stored: {error}') from None

    @property
    def carries(self) -> bool:
        """Whether a verdict depends on the one before it. Where it doesn't, it follows from the facts alone."""
        return self.standing is not type(None) and getattr(self.standing, "__struct_fields__", None) != ()

    def sources(self, rules: Any) -> tuple[Projector, ...]:
        """The projectors that are read under some rules. Raises ValueError for one that may not be read."""
        if not self.may_read:
            return ()
        asked = self.reads(rules)
        sources = tuple(each for each in self.may_read if each.name in asked)
        for name in sorted(asked - {each.name for each in sources}):
            raise ValueError(f'the projection "{self.name}" reads "{name}", which isn\'t among those it may read')
        return sources
