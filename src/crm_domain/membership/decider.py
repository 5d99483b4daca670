"""The membership: whether a customer takes part, the points they have, lot by lot, and a tier given by hand.

1. A customer has one membership for ever, which moves as ALLOWED says; enrolling again after a cancellation goes on
   with the same one.
2. Its moves are words: each is decided on those up to its own instant, whenever it is told, and at one instant they go
   by order of recording. Everything else stands in order of time: what would lie before the last event is refused
   (`out_of_order`).
3. A purchase earns points, once, where a membership was in force at the purchase's own instant.
4. Points are redeemed of an active membership, from lots that are available at the redemption's instant: earliest
   expiry first, then earliest available, then by lot id. Never more than there are.
5. A redemption id counts once; cancelling a redemption gives each lot back what was taken, with its original expiry.
6. A return takes back the points of the net amount before it less those of the net amount after it, on the terms they
   were earned on; so what is returned whole, in whatever steps, leaves none.
7. What can't be taken back is owed, and no point that could be spent or is pending stands beside a debt (see `ledger`).
8. A rule gives bonus points once for an order, an answer or a referred customer, as a lot of their own; they are taken
   back as invariant 6 has it, a number of points once the order is worth nothing (see `bonus`).
9. Points are adjusted by hand for a reason that is given; no more is taken than there is.
10. One tier override at a time; it ends at its own instant or when it is lifted.

**Backdating.** A move told late lets the orders earn that turn out to be placed while the membership was in force, and
those lose their points that weren't. A redemption told late is decided on what stood at its own instant, and invariant
2 lets nothing have been decided since; so it can't overdraw. That is the whole rule: one told late on a quiet
membership is taken, one that lies before the last event is refused. A purchase or a return may arrive late all the
same: its points then move at the last event's instant, while availability and expiry count from the purchase's own.

A suspended membership neither earns nor redeems, and a cancelled one doesn't either. Neither forfeits anything: lots
stay until they expire, a return still takes points back, a redemption can still be cancelled, an override still ends
when it said it would.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Struct
from msgspec.structs import replace
from pydantic import Field, field_validator

from regulars.crm_domain.command import (
    EARLIEST,
    Command,
    Context,
    Decider,
    Label,
    Moment,
    Text,
    Who,
    Whole,
    occurred_at,
)
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import FOREVER, to_datetime, to_instant
from regulars.crm_domain.membership.ledger import (
    Balance,
    Lot,
    Taken,
    balance_of,
    in_spending_order,
    lot_of_order,
    moved,
    settled,
    taken_from,
)
from regulars.crm_domain.points import MAX_POINTS, Occasion, expires_at

CATEGORY = "membership"

# ---------------------------------------------------------------------------------------------------------- events


class MembershipEnrolled(Event, frozen=True, kw_only=True, tag="MembershipEnrolled"):
    """The customer takes part from now on. Here and below `at` is the event's instant, as in its envelope."""

    at: int
    program: str | None = None


class MembershipSuspended(Event, frozen=True, kw_only=True, tag="MembershipSuspended"):
    """The membership rests."""

    at: int


class MembershipResumed(Event, frozen=True, kw_only=True, tag="MembershipResumed"):
    """The membership goes on after a rest."""

    at: int


class MembershipCancelled(Event, frozen=True, kw_only=True, tag="MembershipCancelled"):
    """The customer takes part no more; their points stay until they expire."""

    at: int


class PointsEarned(Event, frozen=True, kw_only=True, tag="PointsEarned"):
    """An order earned points, `per_unit` for each whole unit of currency."""

    at: int
    lot_id: str
    points: int
    order_id: str
    per_unit: str
    available_at: int
    expires_at: int
    rules_digest: str | None = None


class PointsRedeemed(Event, frozen=True, kw_only=True, tag="PointsRedeemed"):
    """Points were spent; `taken` says from which lots.

    Customers who are one spend the points of all their memberships: `elsewhere` is how many more were taken there, each
    time as a `part` of the same redemption.
    """

    at: int
    redemption_id: str
    points: int
    taken: tuple[Taken, ...]
    elsewhere: int = 0
    part: bool = False


class RedemptionCancelled(Event, frozen=True, kw_only=True, tag="RedemptionCancelled"):
    """Points that were spent went back to the lots they came from."""

    at: int
    redemption_id: str


class PointsReversed(Event, frozen=True, kw_only=True, tag="PointsReversed"):
    """A return, or a correction, took back points that an order had earned, or made a debt of them.

    `number` is that of the order's record, `correction` whether it is voided, and `outside` whether it was placed while
    no membership was in force, as was told later.
    """

    at: int
    order_id: str
    points: int
    return_id: str | None = None
    rules_digest: str | None = None
    number: int = 1
    correction: bool = False
    outside: bool = False


class BonusEarned(Event, frozen=True, kw_only=True, tag="BonusEarned"):
    """A rule gave bonus points on an occasion: for an order, for an answer, or for having referred somebody.

    `lot_id` names the rule and the cause. `per_unit` is what each whole unit of currency earned, None where the points
    were a number; `skus` and `minimum`, an amount as exact text, are what the rule asked of the order.
    """

    at: int
    lot_id: str
    points: int
    rule: str
    occasion: Occasion
    available_at: int
    expires_at: int
    order_id: str | None = None
    survey_id: str | None = None
    referred_id: str | None = None
    per_unit: str | None = None
    skus: tuple[str, ...] = ()
    minimum: str | None = None
    rules_digest: str | None = None


class BonusReversed(Event, frozen=True, kw_only=True, tag="BonusReversed"):
    """A return, or a correction, took back bonus points of a lot, or made a debt of them.

    `outside` says that the order was placed, or the answer given, while no membership was in force, as was told later.
    """

    at: int
    lot_id: str
    points: int
    rule: str
    occasion: Occasion
    order_id: str | None = None
    referred_id: str | None = None
    rules_digest: str | None = None
    outside: bool = False
    survey_id: str | None = None


class PointsAdjusted(Event, frozen=True, kw_only=True, tag="PointsAdjusted"):
    """Points were added by hand, as a lot of their own, or removed (below zero), and `taken` says from which lots."""

    at: int
    points: int
    adjustment_id: str | None = None
    lot_id: str | None = None
    available_at: int | None = None
    expires_at: int | None = None
    taken: tuple[Taken, ...] = ()
    rules_digest: str | None = None


class TierOverrideGranted(Event, frozen=True, kw_only=True, tag="TierOverrideGranted"):
    """The customer has this tier whatever the rules say, up to an instant or until it is lifted."""

    at: int
    tier: str
    until: int | None = None


class TierOverrideLifted(Event, frozen=True, kw_only=True, tag="TierOverrideLifted"):
    """The customer's tier is what the rules say again."""

    at: int


MembershipEvent = (
    MembershipEnrolled
    | MembershipSuspended
    | MembershipResumed
    | MembershipCancelled
    | PointsEarned
    | PointsRedeemed
    | RedemptionCancelled
    | PointsReversed
    | BonusEarned
    | BonusReversed
    | PointsAdjusted
    | TierOverrideGranted
    | TierOverrideLifted
)

# ----------------------------------------------------------------------------------------------------------- state


class MembershipStatus(StrEnum):
    """The status of a membership."""

    NONE = "none"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CANCELLED = "cancelled"


MoveKind = Literal["enrolled", "suspended", "resumed", "cancelled"]

#: The events that are moves.
MOVE_KINDS: dict[type[Event], MoveKind] = {
    MembershipEnrolled: "enrolled",
    MembershipSuspended: "suspended",
    MembershipResumed: "resumed",
    MembershipCancelled: "cancelled",
}
#: From which statuses each move leads, and to which.
MOVES: dict[MoveKind, tuple[frozenset[MembershipStatus], MembershipStatus]] = {
    "enrolled": (frozenset({MembershipStatus.NONE, MembershipStatus.CANCELLED}), MembershipStatus.ACTIVE),
    "suspended": (frozenset({MembershipStatus.ACTIVE}), MembershipStatus.SUSPENDED),
    "resumed": (frozenset({MembershipStatus.SUSPENDED}), MembershipStatus.ACTIVE),
    "cancelled": (frozenset({MembershipStatus.ACTIVE, MembershipStatus.SUSPENDED}), MembershipStatus.CANCELLED),
}
ALLOWED: dict[MembershipStatus, frozenset[MembershipStatus]] = {
    status: frozenset(to for whence, to in MOVES.values() if status in whence) for status in MembershipStatus
}


class Move(Struct, frozen=True, array_like=True):
    """A word on whether a membership is in force."""

    at: int
    kind: MoveKind
    program: str | None = None


class Course(Struct, frozen=True, kw_only=True):
    """What some moves lead to, one after the other; `in_force` are spans [from, to)."""

    status: MembershipStatus = MembershipStatus.NONE
    program: str | None = None
    in_force: tuple[tuple[int, int], ...] = ()


def course_of(moves: Iterable[Move]) -> Course:
    """What moves lead to, in their order. Total: a move from a status that it doesn't lead from changes nothing."""
    status, program, in_force = MembershipStatus.NONE, None, list[tuple[int, int]]()
    for move in moves:
        whence, to = MOVES[move.kind]
        if status not in whence:
            continue
        if to is MembershipStatus.ACTIVE:
            in_force.append((move.at, FOREVER))
        elif status is MembershipStatus.ACTIVE:
            in_force[-1] = (in_force[-1][0], move.at)
        if move.kind == "enrolled":
            program = move.program
        status = to
    return Course(status=status, program=program, in_force=tuple(in_force))


class Redemption(Struct, frozen=True, kw_only=True):
    """Points spent at once, and where they came from; a `part` of what was spent by another membership as well."""

    points: int
    taken: tuple[Taken, ...]
    cancelled: bool = False
    part: bool = False


class Membership(Struct, frozen=True, kw_only=True):
    """What the next decision on a membership needs to know.

    `moves` are in order of time; `status`, `program` and the spans `in_force`, each [from, to), follow from them.
    `debts` are points owed, by the lot whose order was returned, oldest first.
    """

    status: MembershipStatus = MembershipStatus.NONE
    program: str | None = None
    last_at: int = EARLIEST
    in_force: tuple[tuple[int, int], ...] = ()
    moves: tuple[Move, ...] = ()
    lots: dict[str, Lot] = {}
    debts: dict[str, int] = {}
    redemptions: dict[str, Redemption] = {}
    adjustments: dict[str, int] = {}
    override: TierOverrideGranted | None = None


def evolve(state: Membership, event: MembershipEvent) -> Membership:
    """The state after an event. Total: history is never argued with."""
    return replace(_evolved(state, event), last_at=max(state.last_at, event.at))


def _evolved(state: Membership, event: MembershipEvent) -> Membership:
    match event:
        case MembershipEnrolled(program=program):
            return _moved(state, Move(event.at, "enrolled", program))
        case MembershipResumed() | MembershipSuspended() | MembershipCancelled():
            return _moved(state, Move(event.at, MOVE_KINDS[type(event)]))
        case PointsEarned() | BonusEarned():
            return _with_lot(state, _earned_lot(event), event.at)
        case PointsRedeemed(redemption_id=redemption_id, taken=taken):
            redemption = Redemption(points=event.points + event.elsewhere, taken=taken, part=event.part)
            redemptions = state.redemptions | {redemption_id: redemption}
            return replace(state, lots=moved(state.lots, taken, "spent"), redemptions=redemptions)
        case RedemptionCancelled(redemption_id=redemption_id):
            return _given_back(state, redemption_id, event.at)
        case PointsReversed(order_id=order_id, points=points, number=number):
            return _taken_back(state, lot_of_order(order_id, number), points, event.at)
        case BonusReversed(lot_id=lot_id, points=points):
            return _taken_back(state, lot_id, points, event.at)
        case PointsAdjusted():
            return _adjusted(state, event)
        case TierOverrideGranted():
            return replace(state, override=event)
        case TierOverrideLifted():
            return replace(state, override=None)


def _moved(state: Membership, move: Move) -> Membership:
    place = bisect_right(state.moves, move.at, key=_instant)
    moves = (*state.moves[:place], move, *state.moves[place:])
    course = course_of(moves)
    return replace(state, moves=moves, status=course.status, program=course.program, in_force=course.in_force)


def _instant(move: Move) -> int:
    return move.at


def _earned_lot(event: PointsEarned | BonusEarned) -> Lot:
    lot = Lot(
        lot_id=event.lot_id,
        points=event.points,
        available_at=event.available_at,
        expires_at=event.expires_at,
        order_id=event.order_id,
        per_unit=event.per_unit,
    )
    if isinstance(event, PointsEarned):
        return lot
    return replace(
        lot,
        rule=event.rule,
        occasion=event.occasion,
        referred_id=event.referred_id,
        skus=event.skus,
        minimum=event.minimum,
    )


def _taken_back(state: Membership, lot_id: str, points: int, at: int) -> Membership:
    """The state where points of a lot, the first of its record, are owed; they are taken where there are any."""
    debts = state.debts | {lot_id: state.debts.get(lot_id, 0) + points}
    return _settled(replace(state, debts=debts), at)


def _settled(state: Membership, at: int) -> Membership:
    lots, debts = settled(state.lots, state.debts, at)
    return replace(state, lots=lots, debts=debts)


def _with_lot(state: Membership, lot: Lot, at: int) -> Membership:
    return _settled(replace(state, lots=state.lots | {lot.lot_id: lot}), at)


def _given_back(state: Membership, redemption_id: str, at: int) -> Membership:
    redemption = state.redemptions.get(redemption_id)
    if redemption is None or redemption.cancelled:
        return state
    back = tuple(replace(each, points=-each.points) for each in redemption.taken)
    redemptions = state.redemptions | {redemption_id: replace(redemption, cancelled=True)}
    return _settled(replace(state, lots=moved(state.lots, back, "spent"), redemptions=redemptions), at)


def _adjusted(state: Membership, event: PointsAdjusted) -> Membership:
    if event.adjustment_id is not None:
        state = replace(state, adjustments=state.adjustments | {event.adjustment_id: event.points})
    if event.lot_id is None or event.available_at is None or event.expires_at is None:
        return replace(state, lots=moved(state.lots, event.taken, "removed"))
    lot = Lot(lot_id=event.lot_id, points=event.points, available_at=event.available_at, expires_at=event.expires_at)
    return _with_lot(state, lot, event.at)


# --------------------------------------------------------------------------------------------------- asked of the state


def is_in_force(state: Membership) -> bool:
    """Whether the membership is active, or rests and may be resumed."""
    return state.status in (MembershipStatus.ACTIVE, MembershipStatus.SUSPENDED)


def was_in_force(state: Membership, at: int) -> bool:
    """Whether the membership was active at an instant."""
    return any(start <= at < end for start, end in state.in_force)


def course_until(state: Membership, at: int) -> Course:
    """What the moves up to an instant lead to."""
    return course_of(state.moves[: bisect_right(state.moves, at, key=_instant)])


def has_recorded(state: Membership, command: Command) -> bool:
    """Whether the redemption or adjustment that a command names by an id of its own was recorded in this membership."""
    match command:
        case RedeemPoints(redemption_id=redemption_id) | CancelRedemption(redemption_id=redemption_id):
            known = state.redemptions.get(redemption_id)
            return known is not None and not known.part
        case AdjustPoints(adjustment_id=adjustment_id):
            return adjustment_id in state.adjustments
        case _:
            return False


def balance(state: Membership, at: int) -> Balance:
    """Where the points are at an instant from the state's last event on, if nothing else happens."""
    return balance_of(state.lots.values(), state.debts.values(), at)


# -------------------------------------------------------------------------------------------------------- commands


class MembershipCommand(Command):
    """A command to the membership of one customer."""

    customer: Who


class EnrollMember(MembershipCommand):
    """Take a customer into the loyalty programme, e.g. customer=shop:42 program=tea-club"""

    program: Label | None = None


class SuspendMembership(MembershipCommand):
    """Let a membership rest: it neither earns nor redeems points."""


class ResumeMembership(MembershipCommand):
    """Let a suspended membership go on."""


class CancelMembership(MembershipCommand):
    """End a membership; points stay until they expire, and enrolling again brings them back into use."""


class RedeemPoints(MembershipCommand):
    """Spend points, those that expire first before the others, e.g. customer=shop:42 points=100 redemption_id=V-1"""

    points: Annotated[Whole, Field(ge=1, le=MAX_POINTS)]
    redemption_id: Label


class CancelRedemption(MembershipCommand):
    """Give points that were spent back to the lots they came from, which expire when they would have."""

    redemption_id: Label


class AdjustPoints(MembershipCommand):
    """Add points by hand, or remove some (below zero), for a reason, e.g. customer=shop:42 points=50 reason=Sorry"""

    points: Annotated[Whole, Field(ge=-MAX_POINTS, le=MAX_POINTS)]
    adjustment_id: Label | None = None
    reason: Text

    @field_validator("points")
    @classmethod
    def _changes_something(cls, points: int) -> int:
        if points == 0:
            raise ValueError("an adjustment adds points or removes some")
        return points


class GrantTierOverride(MembershipCommand):
    """Give a customer a tier by hand, until a moment or until it is lifted, e.g. customer=shop:42 tier=gold"""

    tier: Label
    until: Moment | None = None


class LiftTierOverride(MembershipCommand):
    """Let the rules say again which tier a customer has."""


# ------------------------------------------------------------------------------------------------------- decisions


def enroll(command: EnrollMember, state: Membership, context: Context) -> tuple[Event, ...]:
    """Invariants 1 and 2."""
    at = occurred_at(command, context.now)
    if Move(at, "enrolled", command.program) in state.moves:
        return ()
    course = course_until(state, at)
    if course.status is MembershipStatus.ACTIVE and course.program == command.program:
        return () if command.occurred_at is None else (MembershipEnrolled(at=at, program=command.program),)
    if course.status in (MembershipStatus.ACTIVE, MembershipStatus.SUSPENDED):
        raise _refusal(course, "it can't be enrolled again before it is cancelled")
    return (MembershipEnrolled(at=at, program=command.program),)


def move(
    command: MembershipCommand,
    moved: type[MembershipSuspended | MembershipResumed | MembershipCancelled],
    state: Membership,
    context: Context,
) -> tuple[Event, ...]:
    """Invariants 1 and 2; what was cancelled doesn't go on, it is enrolled again."""
    at, kind = occurred_at(command, context.now), MOVE_KINDS[moved]
    if Move(at, kind) in state.moves:
        return ()
    course, (whence, to) = course_until(state, at), MOVES[kind]
    if course.status is MembershipStatus.NONE:
        raise _no_member(state)
    if course.status is to and command.occurred_at is None:
        return ()
    if course.status is not to and course.status not in whence:
        remedy = "enroll the customer again" if kind == "resumed" else f"it can't become {to}"
        raise _refusal(course, remedy)
    return (moved(at=at),)


def redeem(command: RedeemPoints, state: Membership, context: Context) -> tuple[Event, ...]:
    """Invariants 2, 4 and 5."""
    known = state.redemptions.get(command.redemption_id)
    if known is not None:
        return _redeemed_before(command, known)
    if state.status is not MembershipStatus.ACTIVE:
        raise _refusal(state, "only an active one can redeem points")
    at = _in_order(command, state, context)
    lots = [lot for lot in in_spending_order(state.lots) if lot.available_at <= at < lot.expires_at]
    taken = _enough(lots, command.points, "can be spent")
    event = PointsRedeemed(at=at, redemption_id=command.redemption_id, points=command.points, taken=taken)
    return (event,)


def _redeemed_before(command: RedeemPoints, known: Redemption) -> tuple[Event, ...]:
    if known.points != command.points:
        sentence = f'redemption "{command.redemption_id}" is recorded already with {known.points} points'
        raise Rejected("redemption_id_taken", sentence)
    if known.cancelled:
        sentence = f'redemption "{command.redemption_id}" was cancelled; a new one needs an id of its own'
        raise Rejected("redemption_cancelled", sentence)
    return ()


def cancel_redemption(command: CancelRedemption, state: Membership, context: Context) -> tuple[Event, ...]:
    """Invariants 2 and 5, whatever the membership's status."""
    known = state.redemptions.get(command.redemption_id)
    if known is None:
        raise Rejected("unknown_redemption", f'there is no redemption "{command.redemption_id}"')
    if known.cancelled:
        return ()
    return (RedemptionCancelled(at=_in_order(command, state, context), redemption_id=command.redemption_id),)


def adjust(command: AdjustPoints, state: Membership, context: Context) -> tuple[Event, ...]:
    """Invariants 2 and 9."""
    known = None if command.adjustment_id is None else state.adjustments.get(command.adjustment_id)
    if known == command.points:
        return ()
    if known is not None:
        sentence = f'adjustment "{command.adjustment_id}" is recorded already with {known} points'
        raise Rejected("adjustment_id_taken", sentence)
    if state.status is MembershipStatus.CANCELLED:
        raise _refusal(state, "its points can't be adjusted")
    at = _in_order(command, state, context)
    return (_addition(command, state, context, at) if command.points > 0 else _removal(command, state, at),)


def _addition(command: AdjustPoints, state: Membership, context: Context, at: int) -> PointsAdjusted:
    if context.points is None:
        raise Rejected("no_points_rules", "there are no rules that say when points expire")
    # A number never meets an id that someone gave: these come after a colon.
    own = f"adjustment#{len(state.lots) + 1}"
    return PointsAdjusted(
        at=at,
        points=command.points,
        adjustment_id=command.adjustment_id,
        lot_id=own if command.adjustment_id is None else f"adjustment:{command.adjustment_id}",
        available_at=at,
        expires_at=expires_at(at, context.points),
        rules_digest=context.rules_digest,
    )


def _removal(command: AdjustPoints, state: Membership, at: int) -> PointsAdjusted:
    lots = [lot for lot in in_spending_order(state.lots) if at < lot.expires_at]
    taken = _enough(lots, -command.points, "can be removed")
    return PointsAdjusted(at=at, points=command.points, adjustment_id=command.adjustment_id, taken=taken)


def grant_tier_override(command: GrantTierOverride, state: Membership, context: Context) -> tuple[Event, ...]:
    """Invariants 2 and 10."""
    until = None if command.until is None else to_instant(command.until)
    if state.override is not None and (state.override.tier, state.override.until) == (command.tier, until):
        return ()
    if state.status is MembershipStatus.CANCELLED:
        raise _refusal(state, "it can't be given a tier")
    at = _in_order(command, state, context)
    if until is not None and until <= at:
        sentence = f"an override from {to_datetime(at).isoformat()} can't end at {to_datetime(until).isoformat()}"
        raise Rejected("override_over", sentence)
    return (TierOverrideGranted(at=at, tier=command.tier, until=until),)


def lift_tier_override(command: LiftTierOverride, state: Membership, context: Context) -> tuple[Event, ...]:
    """Invariants 2 and 10, whatever the membership's status; one that has ended by itself needs no lifting."""
    if state.override is None:
        return ()
    at = _in_order(command, state, context)
    over = state.override.until is not None and state.override.until <= at
    return () if over else (TierOverrideLifted(at=at),)


def _no_member(state: Membership) -> Rejected:
    then = " then" if state.moves else ""
    return Rejected("not_a_member", f"this customer has no membership{then}")


def _refusal(state: Membership | Course, consequence: str) -> Rejected:
    return Rejected(f"membership_{state.status}", f"the membership is {state.status}; {consequence}")


def _in_order(command: Command, state: Membership, context: Context) -> int:
    """The instant a command speaks of. Raises Rejected `out_of_order` where it lies before the last event."""
    at = occurred_at(command, context.now)
    if at < state.last_at:
        told, last = to_datetime(at).isoformat(), to_datetime(state.last_at).isoformat()
        raise Rejected("out_of_order", f"{told} lies before the last event of this membership, which was at {last}")
    return at


def _enough(lots: Iterable[Lot], points: int, what: str) -> tuple[Taken, ...]:
    taken = taken_from(lots, points)
    found = sum(each.points for each in taken)
    if found < points:
        raise Rejected("not_enough_points", f"there are {found} points that {what}, not {points}")
    return taken


def decide(command: Command, state: Membership, context: Context) -> tuple[Event, ...]:
    """Hand a command to its decision. Raises Rejected where an invariant would break."""
    match command:
        case EnrollMember():
            return enroll(command, state, context)
        case MembershipCommand() if state.status is MembershipStatus.NONE:
            raise _no_member(state)
        case SuspendMembership():
            return move(command, MembershipSuspended, state, context)
        case ResumeMembership():
            return move(command, MembershipResumed, state, context)
        case CancelMembership():
            return move(command, MembershipCancelled, state, context)
        case RedeemPoints():
            return redeem(command, state, context)
        case CancelRedemption():
            return cancel_redemption(command, state, context)
        case AdjustPoints():
            return adjust(command, state, context)
        case GrantTierOverride():
            return grant_tier_override(command, state, context)
        case LiftTierOverride():
            return lift_tier_override(command, state, context)
        case _:
            raise TypeError(f"{type(command).__name__} is not a command to a membership")


MEMBERSHIP = Decider(category=CATEGORY, initial=Membership(), evolve=evolve, decide=decide)
