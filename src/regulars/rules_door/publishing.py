"""The rules of a store: versions, a preview of another ruleset, publishing and rollback.

A ruleset comes into force together with the read models that it judged, in one transaction: what is answered is always
what the rules in force say.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from regulars.adapters.checking.repairing_indexes import opening_for
from regulars.adapters.extensions.extended import MissingExtension
from regulars.adapters.indexes.entries import repair_entries
from regulars.adapters.indexes.look_ups import LOOK_UPS
from regulars.adapters.log.event_log import Draft
from regulars.adapters.logs import STORE
from regulars.adapters.progress import Progress
from regulars.adapters.read_models.announcing import tell_live, tell_parked
from regulars.adapters.read_models.building import OnAfresh, build_beside, building_alone
from regulars.adapters.read_models.catch_up import OnPoison
from regulars.adapters.read_models.generations import Generation, go_live
from regulars.adapters.store.store import Collision
from regulars.adapters.store.transaction import Transaction
from regulars.crm_domain import rulebook
from regulars.crm_domain.command import Context
from regulars.crm_domain.errors import StoreBusy, StoreUnusable
from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.rulebook import NOBODY, RULEBOOK, STREAM, PublishRules, RollBackRules, RulesRolledBack
from regulars.projections.rules.grammar import Ruleset, require_valid, restore_rules
from regulars.rules_door.difference import RulesDifference, compare_rules
from regulars.rules_door.estimating import SAMPLE, RulesEstimate, estimate_rules
from regulars.rules_door.measuring import MIN_BUYERS, MeasuredGaps, measure_gaps
from regulars.session.acting import Acting
from regulars.session.session import AnyRules, Session
from regulars.upkeep.read_models import stop_at_poison

MAX_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class RulesVersion:
    """One of the rulesets that came into force: `number` counts from 1, what the store was founded with.

    `rolled_back` says that it came back. `published_at`, `actor` and `reason` are None for the first one.
    """

    number: int
    digest: str
    published_at: datetime | None
    actor: str | None
    reason: str | None
    rolled_back: bool
    in_force: bool


@dataclass(frozen=True, slots=True)
class Publication:
    """What came of publishing. `changed` is False where these rules were in force already."""

    number: int
    digest: str
    generation: int
    changed: bool


class PublishedRules:
    """The rules of one store. Get it from `Regulars.rules`."""

    def __init__(self, session: Session, acting: Acting) -> None:
        self._session = session
        self._acting = acting

    @property
    def in_force(self) -> Ruleset:
        """The rules in force."""
        with self._session.store.reading() as tx:
            return self._session.ruleset(tx)

    def version(self, number: int) -> Ruleset:
        """The version of the rules with this number, counted from 1. Raises NotFound."""
        with self._session.store.reading() as tx:
            return restore_rules(self._session.edition(tx, number).ruleset, self._session.store.registry.grammar)

    def judging(self, *, known_at: datetime | date | None = None, rules: AnyRules | None = None) -> Ruleset:
        """The rules by which a question with these two axes is judged. Raises NotFound for a number of no rules."""
        with self._session.store.reading() as tx:
            return self._session.viewpoint(tx, known_at, rules).ruleset

    def history(self) -> tuple[RulesVersion, ...]:
        """All versions of the rules, oldest first."""
        with self._session.store.reading() as tx:
            editions = self._session.editions(tx)
            events = list(tx.log.streams([STREAM]))
        founding = RulesVersion(1, editions[0].digest, None, None, None, False, len(editions) == 1)
        published = (
            RulesVersion(
                number=number,
                digest=edition.digest,
                published_at=to_datetime(recorded.recorded_at),
                actor=recorded.actor,
                reason=getattr(recorded.event, "reason", None),
                rolled_back=isinstance(recorded.event, RulesRolledBack),
                in_force=number == len(editions),
            )
            for number, (edition, recorded) in enumerate(zip(editions[1:], events, strict=True), 2)
        )
        return (founding, *published)

    def diff(
        self, new: Ruleset, *, as_of: datetime | date | None = None, on_progress: Progress | None = None
    ) -> RulesDifference:
        """Who would move if these rules were published: from what to what, why, and what they are worth.

        It changes nothing. `on_progress` is called with (events folded so far, events there are to fold).
        """
        require_valid(new)
        self._session.catch_up()
        return compare_rules(self._session, new, as_of, on_progress)

    def estimate(self, new: Ruleset, *, customers: int = SAMPLE, as_of: datetime | date | None = None) -> RulesEstimate:
        """About how many would move if these rules were published, from a sample of so many customers.

        The sample is that of the lowest ids, which are random, so it is the same each time. It changes nothing; `diff`
        is exact. Raises ValueError for a sample of nobody.
        """
        if customers < 1:
            raise ValueError(f"a sample is of 1 customer at least, not {customers}")
        self._session.catch_up()
        return estimate_rules(self._session, new, customers, as_of)

    def measure_due_again(self, *, min_buyers: int = MIN_BUYERS, on_progress: Progress | None = None) -> MeasuredGaps:
        """After how long each item is usually bought again, in this store's history, as a draft of [due_again].

        It changes nothing. Items that fewer than `min_buyers` customers bought again are left out and counted. Raises
        ValueError for a `min_buyers` below 6, of whom a median has no 95 % interval. `on_progress` is that of `diff`.
        """
        return measure_gaps(self._session, min_buyers, on_progress)

    def publish(
        self,
        new: Ruleset,
        *,
        reason: str,
        park: bool = False,
        workers: int = 1,
        on_progress: Progress | None = None,
        on_afresh: OnAfresh | None = None,
    ) -> Publication:
        """Put other rules in force, for a reason that is kept in the clear.

        Read models are built beside the live ones, which go on answering until the new ones are complete and checked.
        An event that can't be folded stops it, unless `park` leaves its customer behind. An interrupted build is
        resumed, or restarted; `workers` and `on_afresh` are as those of a rebuild. Raises StoreBusy where another
        process is building.
        """
        require_valid(new)
        command = PublishRules(ruleset=new.canonical(), digest=new.digest(), reason=reason)
        on_poison = tell_parked if park else stop_at_poison
        return self._bring_into_force(command, new, on_poison, workers, on_progress, on_afresh)

    def rollback(
        self,
        *,
        reason: str,
        park: bool = False,
        workers: int = 1,
        on_progress: Progress | None = None,
        on_afresh: OnAfresh | None = None,
    ) -> Publication:
        """Put the previous rules in force again; at once where their read models are kept.

        Raises Rejected where nothing was published yet.
        """
        command = RollBackRules(reason=reason)
        with self._session.store.reading() as tx:
            state = self._session.rulebook(tx)
        for event in rulebook.decide(command, state, Context(now=self._session.now())):
            assert isinstance(event, RulesRolledBack)
            earlier = restore_rules(event.ruleset, self._session.store.registry.grammar)
        on_poison = tell_parked if park else stop_at_poison
        return self._bring_into_force(command, earlier, on_poison, workers, on_progress, on_afresh)

    def _bring_into_force(
        self,
        command: PublishRules | RollBackRules,
        ruleset: Ruleset,
        on_poison: OnPoison | None,
        workers: int,
        on_progress: Progress | None,
        on_afresh: OnAfresh | None,
    ) -> Publication:
        session = self._session
        for needed in session.store.extended.missing:  # its table of the rules would be lost
            raise StoreUnusable(f"rules can't be published: {MissingExtension(needed.name)}")
        with session.store.reading() as tx:
            if isinstance(command, PublishRules) and session.in_force(tx).digest == command.digest:
                number, live = len(session.editions(tx)), session.live(tx)
                return Publication(number=number, digest=command.digest, generation=live.number, changed=False)
        with building_alone(session.store):
            finds_otherwise = self._require_look_ups(ruleset)
            generation = build_beside(
                session.store,
                ruleset,
                session.now(),
                at_least=session.last_written,
                workers=workers,
                on_progress=on_progress,
                on_poison=on_poison,
                on_afresh=on_afresh,
            )
            number = self._record(command, generation, ruleset if finds_otherwise else None)
            tell_live(generation.number)
        return Publication(number=number, digest=ruleset.digest(), generation=generation.number, changed=True)

    def _require_look_ups(self, ruleset: Ruleset) -> bool:
        """Whether phone numbers are compared otherwise under these rules than under those in force.

        Raises StoreUnusable where they are, and this process can't write the look-ups by phone again.
        """
        store, country = self._session.store, ruleset.business.country
        with store.reading() as tx:
            if tx.country == country:
                return False
            tx.require_master_unchanged()
        opening_for(store, LOOK_UPS, country)
        return True

    def _record(self, command: PublishRules | RollBackRules, generation: Generation, finding_by: Ruleset | None) -> int:
        """Write the event and let the generation answer, in one transaction; the number of the version.

        Look-ups are written again as the rules `finding_by` compare phone numbers, while other writers wait.
        """
        for _ in range(MAX_ATTEMPTS):
            try:
                with self._session.store.writing(alone=finding_by is not None) as tx:
                    number, position = self._write(tx, command, generation)
                    if finding_by is not None:
                        self._write_look_ups(tx, finding_by)
            except Collision:
                STORE.debug("another writer was quicker than a publication")
                continue
            self._session.has_committed((), position)
            return number
        raise StoreBusy("other writers published rules again and again; try again")

    def _write_look_ups(self, tx: Transaction, ruleset: Ruleset) -> None:
        store = self._session.store
        tx.require_master_unchanged()
        opening = opening_for(store, LOOK_UPS, ruleset.business.country)
        repair_entries(tx.connection, store.schema, LOOK_UPS, opening)

    def _write(self, tx: Transaction, command: PublishRules | RollBackRules, generation: Generation) -> tuple[int, int]:
        """The number of the version, and the position of its event."""
        session = self._session
        now, issuer = session.now(), self._acting.issuer
        state, version = session.rulebook(tx), session.store.version_of(tx.connection, STREAM)
        events = rulebook.decide(command, state, Context(now=now))
        if any(getattr(event, "digest", None) != generation.rules_digest for event in events):
            raise StoreUnusable("other rules came into force meanwhile, so there is something else to go back to")
        drafts = [
            Draft(
                stream_id=STREAM,
                version=version + index,
                category=RULEBOOK.category,
                customer_id=NOBODY,
                occurred_at=now,
                actor=issuer.actor,
                event=event,
                correlation_id=issuer.correlation_id,
                command_id=command.command_id,
            )
            for index, event in enumerate(events, 1)
        ]
        recorded = tx.append(drafts, now)
        session.store.exclude_others(tx.connection)
        go_live(session.store, tx.connection, generation.number)
        return version + len(events) + 1, max((each.position for each in recorded), default=0)
