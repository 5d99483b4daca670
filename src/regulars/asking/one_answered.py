"""What one customer said of us last and why that counts, which surveys they got, and if they may be asked again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from regulars.adapters.read_models.histories import read_facts
from regulars.adapters.store.transaction import Transaction
from regulars.asking.one_customer import read_clauses, read_contacts
from regulars.asking.views import Clause
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.instant import to_datetime
from regulars.projections.engine.fold import fold_until
from regulars.projections.facts.shared import Asked, Facts, Mark
from regulars.projections.rules.compiled import Rules
from regulars.projections.satisfaction.explain import explain
from regulars.projections.satisfaction.judge import surveys_that_asked, verdict_of
from regulars.projections.surveys import fate_of
from regulars.session.instants import instant_of
from regulars.session.session import AnyRules, Session
from regulars.session.traced import traced
from regulars.session.viewpoint import Viewpoint


@dataclass(frozen=True, slots=True)
class MayAsk:
    """Whether a customer may be sent a survey: true where they may; never where they were `forgotten`.

    That is what the rules say of how often, and nothing of whether they agreed to be contacted. `asked_at` is when they
    were asked last, None where they never were; `again_at` is from when on they may be asked again.
    """

    customer_id: CustomerId
    as_of: datetime
    asked_at: datetime | None
    again_at: datetime | None
    forgotten: bool

    def __bool__(self) -> bool:
        return not self.forgotten and (self.again_at is None or self.again_at <= self.as_of)


@dataclass(frozen=True, slots=True)
class SurveyView:
    """A survey that was sent to a customer: what became of it is awaited, answered or bounced."""

    survey_id: str
    survey: str
    channel: str | None
    ticket_id: str | None
    sent_at: datetime
    fate: str
    score: int | None


@dataclass(frozen=True, slots=True)
class CustomerSatisfaction:
    """What a customer said last, as of an instant, with the events behind it, and the surveys that they got by then."""

    customer_id: CustomerId
    ref: str | None
    as_of: datetime
    nps: str | None
    csat: str | None
    may_ask: MayAsk
    unasked: int
    too_soon: int
    reasons: tuple[Clause, ...]
    surveys: tuple[SurveyView, ...]


@traced("may ask")
def may_ask(
    session: Session,
    who: str | CustomerId,
    as_of: datetime | date | None,
    known_at: datetime | date | None,
    rules: AnyRules | None,
) -> MayAsk:
    """Whether a customer may be sent a survey. Raises NotFound."""
    with session.store.reading() as tx:
        viewpoint = session.viewpoint(tx, known_at, rules)
        members, facts, at = _folded(session, tx, viewpoint, who, as_of)
        return _may_ask(tx, members[0], facts, viewpoint.rules, at)


@traced("satisfaction of")
def read_satisfaction_of(
    session: Session,
    who: str | CustomerId,
    as_of: datetime | date | None,
    known_at: datetime | date | None,
    by_rules: AnyRules | None,
) -> CustomerSatisfaction:
    """What a customer said last, and what they were asked. Raises NotFound."""
    with session.store.reading() as tx:
        viewpoint = session.viewpoint(tx, known_at, by_rules)
        members, facts, at = _folded(session, tx, viewpoint, who, as_of)
        rules = viewpoint.rules
        verdict = verdict_of(facts, rules.satisfaction, at)
        sent = [(each.sent, survey_id, each) for survey_id, each in facts.asked.items() if each.sent is not None]
        return CustomerSatisfaction(
            customer_id=CustomerId(members[0]),
            ref=read_contacts(tx, members[:1])[members[0]].ref,
            as_of=to_datetime(at),
            nps=verdict.nps,
            csat=verdict.csat,
            may_ask=_may_ask(tx, members[0], facts, rules, at),
            unasked=verdict.unasked,
            too_soon=verdict.too_soon,
            reasons=read_clauses(session.store, tx, explain(None, facts, rules, at)),
            surveys=tuple(_view(*each) for each in sorted(sent, key=lambda each: (each[0].at, each[1]))),
        )


def _folded(
    session: Session, tx: Transaction, viewpoint: Viewpoint, who: str | CustomerId, as_of: datetime | date | None
) -> tuple[tuple[str, ...], Facts, int]:
    """Who is meant, and what had happened with them by an instant."""
    members = session.members(tx, who, viewpoint.until)
    at = session.now() if as_of is None else instant_of(as_of, viewpoint.rules.zone)
    history = read_facts(session.store, tx.connection, members, viewpoint.rules, viewpoint.until)
    # A clock that runs a little ahead has told of what happened already.
    until = max(at, history.folded.last_at or 0) if as_of is None else at
    folded, _ = fold_until(history.happened, viewpoint.rules, until, ())
    return members, folded.facts, until


def _may_ask(tx: Transaction, customer_id: str, facts: Facts, rules: Rules, at: int) -> MayAsk:
    sent = surveys_that_asked(facts)
    asked_at = sent[-1].at if sent else None
    return MayAsk(
        customer_id=CustomerId(customer_id),
        as_of=to_datetime(at),
        asked_at=None if asked_at is None else to_datetime(asked_at),
        again_at=None if asked_at is None else to_datetime(asked_at + rules.satisfaction.ask_again),
        forgotten=customer_id in tx.forgotten([customer_id]),
    )


def _view(sent: Mark, survey_id: str, asked: Asked) -> SurveyView:
    return SurveyView(
        survey_id=survey_id,
        survey=asked.survey,
        channel=asked.channel,
        ticket_id=asked.ticket_id,
        sent_at=to_datetime(sent.at),
        fate=fate_of(asked),
        score=asked.score,
    )
