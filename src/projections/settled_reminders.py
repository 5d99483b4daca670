"""What was done about this reminder? The last word in time on each, of whichever identity it was said."""

from __future__ import annotations

from msgspec import Struct, field

from regulars.crm_domain.reminder import CHRONOLOGY, How, ReminderSettled
from regulars.projections.engine.projector import Judgement, Key, Projector
from regulars.projections.facts.fact_set import FactSet
from regulars.projections.rules.compiled import Rules

VERSION = 1

_HANDLES = frozenset({ReminderSettled})


class SettledReminder(Struct, frozen=True, kw_only=True, gc=False):
    """A reminder was seen to. `care` is the id of its rule; days are written as in ISO 8601, as people named them."""

    value: How
    care: str
    day: str
    moved_to: str | None


class Settled(Struct, array_like=True):
    """What was said last of each reminder, by its key."""

    last: dict[str, SettledReminder] = field(default_factory=dict)


def key_of(event: ReminderSettled) -> str:
    """What names a reminder of a customer: its day, and the rule."""
    return f"{event.day.isoformat()} {event.care}"


def _evolve(settled: Settled, event: ReminderSettled, at: int, position: int, identity: int) -> None:
    settled.last[key_of(event)] = SettledReminder(
        value=event.how,
        care=event.care,
        day=event.day.isoformat(),
        moved_to=None if event.moved_to is None else event.moved_to.isoformat(),
    )


def judge(standing: None, said: SettledReminder, rules: Rules, at: int, until: int) -> tuple[Judgement]:
    """Events alone change it, so it is judged once."""
    return ((at, None, said),)


SETTLED_REMINDERS = Projector(
    name="settled_reminders",
    question="What was done about this reminder?",
    version=VERSION,
    facts=FactSet(
        name="settled",
        version=VERSION,
        beginning=Settled,
        handles=_HANDLES,
        order=CHRONOLOGY.order,
        evolve=_evolve,
    ),
    handles=_HANDLES,
    standing=type(None),
    judges_by=(),
    judge=judge,
    verdict=SettledReminder,
    key=Key(name="reminder", of=key_of, facts=lambda settled, key: settled.last[key]),
)
