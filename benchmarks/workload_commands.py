"""What happens in a customer's life, as the command that records it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from benchmarks.workload import Action, Moment, is_duplicate, is_forgotten
from regulars import (
    AddNote,
    AdjustPoints,
    AssignOwner,
    AssignTicket,
    AwaitCustomer,
    ChangeContactDetails,
    ClassifyTicket,
    CloseAccount,
    Command,
    EnrollMember,
    ErasePersonalData,
    GiveConsent,
    GrantTierOverride,
    MakeReferral,
    MergeCustomers,
    OpenTicket,
    OrderLine,
    QualifyLead,
    RateTicket,
    RecordChurnReason,
    RecordInteraction,
    RecordPreference,
    RecordPurchase,
    RecordReturn,
    RecordSurveyAnswer,
    RedeemPoints,
    RegisterCustomer,
    ReopenAccount,
    ReplyAsAgent,
    ReplyAsCustomer,
    RequestCancellation,
    ResolveTicket,
    ResumeMembership,
    SuspendMembership,
    TagCustomer,
    UntagCustomer,
    WithdrawCancellation,
)
from regulars.demo.people import FIRST_NAMES, LAST_NAMES, SOURCES

_SKUS = tuple(f"sku-{number}" for number in range(100))


def command(moment: Moment, start: datetime, random: Random) -> Command:
    """The command for something that happened."""
    number, serial = moment.customer, moment.serial
    who, ticket_id = reference(number), f"T-{number}-{serial}"
    at = start + timedelta(seconds=moment.known - moment.late)
    match moment.action:
        case Action.REGISTER:
            return _registration(number, at, random)
        case Action.REFER:
            friend = number // 2 + is_forgotten(number // 2)
            return MakeReferral(customer=reference(friend), referred=who, occurred_at=at)
        case Action.CONSENT:
            return GiveConsent(customer=who, channel="email", purpose="newsletter", occurred_at=at)
        case Action.QUALIFY:
            return QualifyLead(customer=who, occurred_at=at)
        case Action.OWN:
            return AssignOwner(customer=who, owner=random.choice(("mara", "jonas", "li")), occurred_at=at)
        case Action.TAG:
            return TagCustomer(customer=who, label="regular", occurred_at=at)
        case Action.UNTAG:
            return UntagCustomer(customer=who, label="regular", occurred_at=at)
        case Action.BUY:
            return purchase(who, f"{number}/{serial}", at, random)
        case Action.RETURN:
            part = None if random.random() < 0.6 else Decimal("1.00")
            return RecordReturn(order_id=f"{number}/{serial}", amount=part, occurred_at=at)
        case Action.HEAR:
            summary = "Asked where the parcel is" if random.random() < 0.3 else None
            return RecordInteraction(
                customer=who, channel="phone", direction="inbound", summary=summary, occurred_at=at
            )
        case Action.WRITE:
            return RecordInteraction(customer=who, channel="email", direction="outbound", occurred_at=at)
        case Action.ANSWER:
            if serial % 2:
                return RecordSurveyAnswer(customer=who, survey="nps", score=random.randint(3, 10), occurred_at=at)
            return RecordSurveyAnswer(customer=who, survey="csat", score=random.randint(1, 5), occurred_at=at)
        case Action.NOTE:
            return AddNote(customer=who, text="Likes to hear about what is new", occurred_at=at)
        case Action.PREFER:
            return RecordPreference(customer=who, key="delivery", value="evenings", occurred_at=at)
        case Action.CHANGE:
            return ChangeContactDetails(customer=who, email=f"new.{_email(number)}", occurred_at=at)
        case Action.ENROLL:
            return EnrollMember(customer=who, program="club", occurred_at=at)
        case Action.WELCOME:
            return AdjustPoints(customer=who, points=200, adjustment_id="w", reason="Welcome", occurred_at=at)
        case Action.REDEEM:
            return RedeemPoints(customer=who, points=50, redemption_id=str(serial), occurred_at=at)
        case Action.SUSPEND:
            return SuspendMembership(customer=who, occurred_at=at)
        case Action.RESUME:
            return ResumeMembership(customer=who, occurred_at=at)
        case Action.PROMOTE:
            return GrantTierOverride(customer=who, tier="gold", until=at + timedelta(days=90), occurred_at=at)
        case Action.OPEN:
            complaint = random.random() < 0.2
            return OpenTicket(
                customer=who, ticket_id=ticket_id, subject="A question", complaint=complaint, occurred_at=at
            )
        case Action.CLASSIFY:
            return ClassifyTicket(ticket_id=ticket_id, topic="delivery", occurred_at=at)
        case Action.ASSIGN:
            return AssignTicket(ticket_id=ticket_id, agent="jonas", occurred_at=at)
        case Action.REPLY:
            return ReplyAsAgent(ticket_id=ticket_id, message="It is on its way", occurred_at=at)
        case Action.AWAIT:
            return AwaitCustomer(ticket_id=ticket_id, occurred_at=at)
        case Action.REPLY_BACK:
            return ReplyAsCustomer(ticket_id=ticket_id, occurred_at=at)
        case Action.RESOLVE:
            return ResolveTicket(ticket_id=ticket_id, occurred_at=at)
        case Action.RATE:
            return RateTicket(ticket_id=ticket_id, score=random.randint(1, 5), occurred_at=at)
        case Action.CANCEL:
            return RequestCancellation(customer=who, occurred_at=at)
        case Action.OBJECT:
            return WithdrawCancellation(customer=who, occurred_at=at)
        case Action.SAY_WHY:
            return RecordChurnReason(customer=who, cause="price", occurred_at=at)
        case Action.CLOSE:
            return CloseAccount(customer=who, occurred_at=at)
        case Action.REOPEN:
            return ReopenAccount(customer=who, occurred_at=at)
        case Action.MERGE:
            return MergeCustomers(customer=who, into=reference(number - 1), occurred_at=at)
        case Action.FORGET:
            return ErasePersonalData(customer=who, confirm=True, occurred_at=at)


def reference(number: int) -> str:
    """How the shop calls a customer."""
    return f"shop:{number}"


def purchase(who: str, order_id: str, at: datetime | None, random: Random) -> RecordPurchase:
    """An order of one to three things."""
    amount = Decimal(int(100 * max(5.0, random.lognormvariate(3.6, 0.6)))) / 100
    lines = tuple(OrderLine(sku=sku) for sku in random.sample(_SKUS, random.randint(1, 3)))
    return RecordPurchase(customer=who, order_id=order_id, amount=amount, lines=lines, channel="web", occurred_at=at)


def _registration(number: int, at: datetime, random: Random) -> RegisterCustomer:
    return RegisterCustomer(
        ref=reference(number),
        name=f"{random.choice(FIRST_NAMES)} {random.choice(LAST_NAMES)}",
        email=_email(number - 1 if is_duplicate(number) else number),
        phone=f"+49 30 {random.randint(1_000_000, 9_999_999)}" if random.random() < 0.4 else None,
        source=random.choice(SOURCES),
        locale="de-DE",
        occurred_at=at,
    )


def _email(number: int) -> str:
    return f"customer.{number}@example.com"
