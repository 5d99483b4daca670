"""Every event and every command there is, and which stream a command speaks to."""

from __future__ import annotations

from typing import Any, get_args

from msgspec import Struct

from crm_domain.command import Command, CustomerId, Decider
from crm_domain.customer import (
    CUSTOMER,
    AssignOwner,
    ChangeContactDetails,
    CloseAccount,
    CustomerCommand,
    CustomerEvent,
    ErasePersonalData,
    GiveConsent,
    MakeReferral,
    MergeCustomers,
    QualifyLead,
    RecordChurnReason,
    RecordPreference,
    RegisterCustomer,
    ReopenAccount,
    RequestCancellation,
    TagCustomer,
    UndoMerge,
    UntagCustomer,
    WithdrawCancellation,
    WithdrawConsent,
)
from crm_domain.event import Event
from crm_domain.interaction import (
    INTERACTION,
    AddNote,
    InteractionCommand,
    InteractionEvent,
    RecordInteraction,
    RecordSurveyAnswer,
)
from crm_domain.membership import (
    MEMBERSHIP,
    AdjustPoints,
    CancelMembership,
    CancelRedemption,
    EnrollMember,
    GrantTierOverride,
    LiftTierOverride,
    MembershipCommand,
    MembershipEvent,
    RedeemPoints,
    ResumeMembership,
    SuspendMembership,
)
from crm_domain.purchase import PURCHASE, PurchaseEvent, RecordPurchase, RecordReturn
from crm_domain.rulebook import RULEBOOK, RulebookEvent
from crm_domain.ticket import (
    TICKET,
    AssignTicket,
    AwaitCustomer,
    ChangePriority,
    ClassifyTicket,
    CloseTicket,
    EscalateTicket,
    OpenTicket,
    PutOnHold,
    RateTicket,
    ReopenTicket,
    ReplyAsAgent,
    ReplyAsCustomer,
    ResolveTicket,
    ResumeTicket,
    TicketCommand,
    TicketEvent,
)

EVENTS: dict[str, type[Event]] = {
    str(event.__struct_config__.tag): event
    for union in (CustomerEvent, PurchaseEvent, InteractionEvent, MembershipEvent, TicketEvent, RulebookEvent)
    for event in get_args(union)
}

#: Those that `address` knows. The rulebook's have a door of their own, where read models are built before they count.
COMMANDS: dict[str, type[Command]] = {
    command.__name__: command
    for command in (
        RegisterCustomer,
        ChangeContactDetails,
        QualifyLead,
        RecordPreference,
        TagCustomer,
        UntagCustomer,
        AssignOwner,
        GiveConsent,
        WithdrawConsent,
        MakeReferral,
        RecordChurnReason,
        RequestCancellation,
        WithdrawCancellation,
        CloseAccount,
        ReopenAccount,
        MergeCustomers,
        UndoMerge,
        ErasePersonalData,
        RecordPurchase,
        RecordReturn,
        RecordInteraction,
        RecordSurveyAnswer,
        AddNote,
        EnrollMember,
        SuspendMembership,
        ResumeMembership,
        CancelMembership,
        RedeemPoints,
        CancelRedemption,
        AdjustPoints,
        GrantTierOverride,
        LiftTierOverride,
        OpenTicket,
        ClassifyTicket,
        ChangePriority,
        AssignTicket,
        ReplyAsAgent,
        ReplyAsCustomer,
        AwaitCustomer,
        PutOnHold,
        ResumeTicket,
        EscalateTicket,
        ResolveTicket,
        ReopenTicket,
        CloseTicket,
        RateTicket,
    )
}

DECIDERS: dict[str, Decider[Any]] = {
    decider.category: decider for decider in (CUSTOMER, PURCHASE, INTERACTION, MEMBERSHIP, TICKET, RULEBOOK)
}


class Address(Struct, frozen=True):
    """Where a command goes: the deciding aggregate, the customer spoken of, and the key of the stream.

    `customer` is None where the stream itself knows. `key` None means the customer's own stream for CUSTOMER; for the
    rest the one stream of its category that belongs to the customer where `own`, and else a stream that is new.
    """

    decider: Decider[Any]
    customer: CustomerId | str | None
    key: str | None
    own: bool = False


def address(command: Command) -> Address:
    """The address of a command. Raises TypeError for a class that is not in COMMANDS."""
    match command:
        case RegisterCustomer(ref=ref):
            return Address(CUSTOMER, ref, None)
        case CustomerCommand(customer=customer):
            return Address(CUSTOMER, customer, None)
        case RecordPurchase(customer=customer, order_id=order_id):
            return Address(PURCHASE, customer, order_id)
        case RecordReturn(order_id=order_id):
            return Address(PURCHASE, None, order_id)
        case InteractionCommand(customer=customer, interaction_id=interaction_id):
            return Address(INTERACTION, customer, interaction_id)
        case OpenTicket(customer=customer, ticket_id=ticket_id):
            return Address(TICKET, customer, ticket_id)
        case TicketCommand(ticket_id=ticket_id):
            return Address(TICKET, None, ticket_id)
        case MembershipCommand(customer=customer):
            return Address(MEMBERSHIP, customer, None, own=True)
        case _:
            raise TypeError(f"{type(command).__name__} is not a command of this store")
