"""The difference between what was told, (position p, instant t, rules g), and what holds at (p′, t′, g′).

First what was recorded in (p, p′]; then how the new knowledge, and then the new rules, change what held at t; then what
began in (t, t′], in order of time. Each step goes on from the one before, so what is told can be applied one by one.
The old side is folded from the log, the new side is what is stored; all of it is read in one snapshot, a chunk at a
time, so the memory it takes doesn't grow with what there is to tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from regulars.adapters.indexes.links import Families
from regulars.adapters.log.since import RecordedSince, Said
from regulars.adapters.read_models.customer_numbers import ids_of
from regulars.adapters.read_models.histories import History, read_history
from regulars.adapters.read_models.replay import in_chunks, replay
from regulars.adapters.read_models.rows import ReadModels
from regulars.adapters.read_models.turns import Shown, Turn, held_at, turns
from regulars.adapters.sql.chunks import CHUNK
from regulars.adapters.store.store import Store
from regulars.adapters.store.transaction import Transaction
from regulars.changes.change import ChangeKind
from regulars.crm_domain.command import FUTURE_TOLERANCE
from regulars.crm_domain.customer import CustomerMerged, MergeUndone
from regulars.projections.engine.corrections import CORRECTIONS
from regulars.projections.engine.fold import FoldPlan, concerned
from regulars.projections.engine.projector import Projector
from regulars.projections.rules.compiled import Rules

#: What was told no later than this after it happened was told at once: clocks differ, and writing takes a moment.
AT_ONCE = FUTURE_TOLERANCE

_ACTS_ON_THE_PAST = CORRECTIONS | {CustomerMerged, MergeUndone}

#: Told how many more customers, or turns of one, were looked at.
OnLooked = Callable[[int], None]

#: By what is told and its key, a value and since when it is held.
_Held = dict[tuple[str, str], tuple[str, int]]


class Untold(Struct, frozen=True, array_like=True):
    """A change as it is kept; instants are microseconds, and a customer id "" is the business."""

    kind: ChangeKind
    what: str
    customer_id: str
    key: str
    old: str | None
    new: str | None
    since: int
    position: int | None
    due: int | None


class _Cause(Struct, frozen=True):
    """An event that may be behind a change. `at_once` is whether it was told when it happened."""

    position: int
    at: int
    at_once: bool
    acts_on_the_past: bool


class Difference(Struct, frozen=True, kw_only=True):
    """Both sides: what was told, and what is stored in the snapshot of a transaction. `rules_since` is the position of
    the rules in force there. `on_looked` is called after each chunk.
    """

    store: Store
    tx: Transaction
    models: ReadModels
    shown: tuple[Shown, ...]
    old_position: int
    new_position: int
    old_instant: int
    new_instant: int
    old_rules: Rules
    new_rules: Rules
    rules_since: int | None
    on_looked: OnLooked | None

    def __iter__(self) -> Iterator[Untold]:
        yield from self._corrected()
        yield from self._moved_by_rules()
        yield from self._turned()

    @property
    def _rules_differ(self) -> bool:
        return self.old_rules.ruleset.digest() != self.new_rules.ruleset.digest()

    def _looked_at(self, many: int) -> None:
        if self.on_looked is not None:
            self.on_looked(many)

    # ----------------------------------------------------------------------------------------------- what was recorded

    def recorded(self) -> Iterator[Untold]:
        """The events that were recorded, in order of position."""
        for each in self._said.all():
            yield Untold("recorded", each.name, each.customer_id, "", None, None, each.occurred_at, each.position, None)

    @property
    def _said(self) -> RecordedSince:
        events, codecs = self.store.schema.events, self.store.codecs
        return RecordedSince(self.tx.connection, events, codecs, self.old_position, self.new_position)

    # -------------------------------------------------------------------------------------- what is known otherwise now

    def _corrected(self) -> Iterator[Untold]:
        """What held at the old instant, as known before and as known now, by the old rules."""
        projectors = self._projectors(each.projection for each in self.shown)
        plan = FoldPlan(self.old_rules, projectors)
        for roots in self._concerned():
            before, now = (self.tx.families(roots, until) for until in (self.old_position, self.new_position))
            causes = self._causes_of(roots, before, now)
            stored = {} if self._rules_differ else self._stored([each for each in roots if now.root(each) == each])
            for root in roots:
                old = self._folded(before, root, plan, self.old_position)
                new = self._folded(now, root, plan, self.new_position) if self._rules_differ else stored.get(root, {})
                yield from self._differing(root, old, new, causes.get(root, ()))
            self._looked_at(len(roots))

    def _concerned(self) -> Iterator[list[str]]:
        """The roots, then and now, of the families of which anything was recorded, each once; in order of that."""
        seen = set[str]()
        for ids in self._said.customers():
            sides = [self.tx.families(ids, until) for until in (self.old_position, self.new_position)]
            roots: dict[str, None] = {}
            for customer_id in ids:
                theirs = dict.fromkeys(side.root(customer_id) for side in sides)
                if len(theirs) > 1 or any(len(side.members(customer_id)) > 1 for side in sides):
                    theirs = {each: None for each in theirs if each not in seen}
                    seen |= theirs.keys()
                roots |= theirs
            yield list(roots)

    def _folded(self, families: Families, root: str, plan: FoldPlan, until: int) -> _Held:
        """What held at the old instant of a family, as known at a position; nothing of whom is in another's."""
        if not until or families.root(root) != root:
            return {}
        history = read_history(self.store, self.tx.connection, families.members(root), plan, until)
        return self._held_in(history)

    def _held_in(self, history: History) -> _Held:
        held: _Held = {}
        for shown in self.shown:
            for each in history.timelines.get(shown.projection, ()):
                if each.valid_from <= self.old_instant < each.valid_to and each.verdict is not None:
                    value = getattr(each.verdict, shown.column)
                    if value is not None:
                        held[shown.what, each.key] = (value, each.valid_from)
        return held

    def _stored(self, customer_ids: Iterable[str], shown: Sequence[Shown] | None = None) -> dict[str, _Held]:
        """What is stored of some customers, as of the old instant."""
        numbers = self.models.numbers(self.tx.connection, customer_ids)
        whose = {number: customer_id for customer_id, number in numbers.items()}
        found: dict[str, _Held] = {}
        wanted = self.shown if shown is None else shown
        for each in held_at(self.models, self.tx.connection, wanted, whose.keys(), self.old_instant):
            found.setdefault(whose[each.customer], {})[each.what, each.key] = (each.value, each.since)
        return found

    def _causes_of(self, roots: Sequence[str], before: Families, now: Families) -> Mapping[str, list[_Cause]]:
        """What was recorded of some families, then or now."""
        whose: dict[str, set[str]] = {}
        for root in roots:
            for member in {*before.members(root), *now.members(root), root}:
                whose.setdefault(member, set()).add(root)
        found: dict[str, list[_Cause]] = {}
        for said in self._said.of(whose):
            for root in whose[said.customer_id]:
                found.setdefault(root, []).append(_cause(said))
        return found

    def _differing(self, root: str, old: _Held, new: _Held, causes: Sequence[_Cause]) -> Iterator[Untold]:
        last = causes[-1] if causes else None
        for what, key, before, after, since in _changed(old, new):
            # What is held no longer has no beginning to know its cause by.
            cause = last if since is None else next((each for each in causes if each.at == since), None)
            has_begun = cause is not None and cause.at_once and not cause.acts_on_the_past
            kind: ChangeKind = "began" if has_begun else "corrected"
            behind = cause or last
            at, position = self._since(since, behind), None if behind is None else behind.position
            yield Untold(kind, what, root, key, before, after, at, position, None)

    def _since(self, since: int | None, cause: _Cause | None) -> int:
        """When something began to hold; of what is held no longer, when it was told so."""
        return since if since is not None else self.old_instant if cause is None else min(cause.at, self.old_instant)

    # ------------------------------------------------------------------------------------------ what the rules move

    def _moved_by_rules(self) -> Iterator[Untold]:
        """What held at the old instant, as known now, by the old rules and by the new ones; everybody is compared."""
        if not self._rules_differ:
            return
        names = [each.projection for each in self.shown]
        changed = [each for each in self._projectors(names) if each in self._concerned_by_rules()]
        shown = [each for each in self.shown if each.projection in {one.name for one in changed}]
        if not shown:
            return
        plan = FoldPlan(self.old_rules, changed)
        for chunk in in_chunks(replay(self.store, self.tx.connection, plan, self.new_position)):
            stored = self._stored([each.history.members[0] for each in chunk], shown)
            for each in chunk:
                root = each.history.members[0]
                for what, key, before, after, since in _changed(self._held_in(each.history), stored.get(root, {})):
                    at = self.old_instant if since is None else since
                    yield Untold("rules_moved", what, root, key, before, after, at, self.rules_since, None)
            self._looked_at(len(chunk))

    def _concerned_by_rules(self) -> Sequence[Projector]:
        return concerned(self.old_rules, self.new_rules, self.store.registry.projectors)

    # ---------------------------------------------------------------------------------------------- what time has moved

    def _turned(self) -> Iterator[Untold]:
        """What turned after the old instant, up to the new one, as known now and by the new rules."""
        found = turns(self.models, self.tx.connection, self.shown, self.old_instant, self.new_instant)
        for chunk in _at_most(found, CHUNK):
            numbers = {each.customer for each in chunk}
            whose = ids_of(self.tx.connection, self.store.schema.events, numbers)
            causes = self._causes_at({each.at for each in chunk})
            for each in chunk:
                customer_id = whose[each.customer]
                cause = causes.get((customer_id, each.at))
                kind: ChangeKind = "fell_due" if cause is None else "began" if cause.at_once else "corrected"
                yield Untold(
                    kind=kind,
                    what=each.what,
                    customer_id=customer_id,
                    key=each.key,
                    old=each.old,
                    new=each.new,
                    since=each.at,
                    position=None if cause is None else cause.position,
                    due=each.at if cause is None else None,
                )
            self._looked_at(len(chunk))

    def _causes_at(self, instants: Iterable[int]) -> dict[tuple[str, int], _Cause]:
        """What was recorded as having happened at some instants, by the root of the customer's family."""
        if self.old_position == self.new_position:
            return {}
        found = [each for each in self._said.at(instants) if each.reads not in _ACTS_ON_THE_PAST]
        families = self.tx.families({each.customer_id for each in found}, self.new_position)
        return {(families.root(each.customer_id), each.occurred_at): _cause(each) for each in found}

    def _projectors(self, names: Iterable[str]) -> list[Projector]:
        wanted = set(names)
        return [each for each in self.store.registry.projectors if each.name in wanted]


def _cause(said: Said) -> _Cause:
    at_once = said.recorded_at - said.occurred_at <= AT_ONCE
    return _Cause(said.position, said.occurred_at, at_once, said.reads in _ACTS_ON_THE_PAST)


def _changed(old: _Held, new: _Held) -> Iterator[tuple[str, str, str | None, str | None, int | None]]:
    """What is told and its key, the value before and after, and since when the one after is held, if any is."""
    for place in sorted(old.keys() | new.keys()):
        before, _ = old.get(place, (None, None))
        after, since = new.get(place, (None, None))
        if before != after:
            yield *place, before, after, since


def _at_most(found: Iterator[Turn], size: int) -> Iterator[list[Turn]]:
    chunk: list[Turn] = []
    for each in found:
        chunk.append(each)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
