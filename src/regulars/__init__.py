"""Regulars: an embeddable, event-sourced CRM core.

    import regulars
    from regulars import RecordPurchase, RegisterCustomer

    with regulars.open("shop.db", currency="EUR", actor="li") as crm:
        crm.do(RegisterCustomer(ref="shop:42", name="Ada"))
        crm.do(RecordPurchase(customer="shop:42", order_id="A-1", amount="59.90"))
        print(crm.customer("shop:42").explain())

This package is the whole of what a program that embeds the library needs to import; the parts of an export of a person
are in `regulars.person`, those of rules and of an import's mapping in `regulars.grammar`, those of an extension in
`regulars.extending`. `open` and `copy` are left out of `from regulars import *`, where they would hide Python's own.
"""

from adapters.checking_seals import EventDamage, NotedSeal, SealCheck, SealDamage
from adapters.copying import copy as copy
from adapters.erasing import OwnerNeeded
from adapters.extended import MissingExtension
from adapters.extension import Extension
from adapters.histories import Poison
from adapters.horizon import OpenTransaction
from adapters.importing import Mapping as ImportMapping
from adapters.log_recorder import LogApplication, LogMapper, LogRecorder
from adapters.misplaced import NeverDrawn, RecordedAhead
from adapters.quarantine import Reject
from adapters.record_check import Compared, Fault, NotCovered, RecordCheck
from adapters.restoring import read_list as read_erased
from adapters.rules_text import as_toml
from adapters.sealing import Sealing
from adapters.verifying import Difference, Fingerprint, Verification
from crm_domain.command import Command, CustomerId
from crm_domain.customer import (
    AccountClosed,
    AccountReopened,
    AssignOwner,
    CancellationRequested,
    CancellationWithdrawn,
    ChangeContactDetails,
    ChurnReasonRecorded,
    CloseAccount,
    ConsentGiven,
    ConsentWithdrawn,
    ContactDetailsChanged,
    CustomerMerged,
    CustomerRegistered,
    CustomerTagged,
    CustomerUntagged,
    ErasePersonalData,
    GiveConsent,
    LeadQualified,
    MakeReferral,
    MergeCustomers,
    MergeUndone,
    OwnerAssigned,
    PersonalDataErased,
    PreferenceRecorded,
    QualifyLead,
    RecordChurnReason,
    RecordPreference,
    ReferralMade,
    RegisterCustomer,
    ReopenAccount,
    RequestCancellation,
    TagCustomer,
    UndoMerge,
    UntagCustomer,
    WithdrawCancellation,
    WithdrawConsent,
)
from crm_domain.errors import (
    Conflict,
    InvalidMapping,
    InvalidRules,
    NotFound,
    ParkedCustomer,
    RegularsError,
    Rejected,
    StaleProjections,
    StoreBusy,
    StoreUnusable,
)
from crm_domain.event import Event, Recorded
from crm_domain.interaction import (
    AddNote,
    InteractionRecorded,
    NoteAdded,
    RecordInteraction,
    RecordSurveyAnswer,
    SurveyAnswered,
)
from crm_domain.membership import (
    AdjustPoints,
    CancelMembership,
    CancelRedemption,
    EnrollMember,
    GrantTierOverride,
    LiftTierOverride,
    MembershipCancelled,
    MembershipEnrolled,
    MembershipResumed,
    MembershipSuspended,
    PointsAdjusted,
    PointsEarned,
    PointsRedeemed,
    PointsReversed,
    RedeemPoints,
    RedemptionCancelled,
    ResumeMembership,
    SuspendMembership,
    Taken,
    TierOverrideGranted,
    TierOverrideLifted,
)
from crm_domain.purchase import (
    Line,
    OrderLine,
    PurchaseRecorded,
    RecordPurchase,
    RecordReturn,
    ReturnRecorded,
)
from crm_domain.rulebook import RulesPublished, RulesRolledBack
from crm_domain.ticket import (
    AgentReplied,
    AssignTicket,
    AwaitCustomer,
    ChangePriority,
    ClassifyTicket,
    CloseTicket,
    CustomerReplied,
    EscalateTicket,
    OpenTicket,
    PutOnHold,
    RateTicket,
    ReopenTicket,
    ReplyAsAgent,
    ReplyAsCustomer,
    ResolveTicket,
    ResumeTicket,
    TicketAssigned,
    TicketAwaitingCustomer,
    TicketClassified,
    TicketClosed,
    TicketEscalated,
    TicketOpened,
    TicketPriorityChanged,
    TicketPutOnHold,
    TicketRated,
    TicketReopened,
    TicketResolved,
    TicketResumed,
)
from crm_domain.unexplained import Unexplained
from projections.rules import Ruleset, parse_rules
from regulars.audit import AuditEntry, AuditPage, Change
from regulars.clock import Clock
from regulars.consents import Consent, Consents, ConsentWord, Contactable, ContactablePage
from regulars.crm import OnStale, Regulars, default_rules
from regulars.crm import open as open
from regulars.customers import Order
from regulars.desk import Points, PointsLot, TicketPage, TicketView
from regulars.difference import ExplainedMove, Move, RulesDifference, TicketMove
from regulars.duplicates import Duplicates, DuplicatesPage, Suspect
from regulars.execution import Outcome
from regulars.forgetting import Forgetting, Forgotten
from regulars.freshness import Fresh
from regulars.ground import AnyRules
from regulars.importing import ImportReport, load_mapping
from regulars.keys import Keys, Rotation
from regulars.person.as_json import person_json
from regulars.person.page import person_page
from regulars.person.values import PersonExport
from regulars.published import Publication, PublishedRules, RulesVersion
from regulars.rebuilding import BuildView, GenerationView, Projections
from regulars.restoring import Restoration, restore
from regulars.views import Clause, Customer, EventLine, Explanation, Lane, Page, Span, Status, Timeline, VerdictView

__version__ = "0.1.0"

__all__ = [
    "AccountClosed",
    "AccountReopened",
    "AddNote",
    "AdjustPoints",
    "AgentReplied",
    "AnyRules",
    "AssignOwner",
    "AssignTicket",
    "AuditEntry",
    "AuditPage",
    "AwaitCustomer",
    "BuildView",
    "CancelMembership",
    "CancelRedemption",
    "CancellationRequested",
    "CancellationWithdrawn",
    "Change",
    "ChangeContactDetails",
    "ChangePriority",
    "ChurnReasonRecorded",
    "ClassifyTicket",
    "Clause",
    "Clock",
    "CloseAccount",
    "CloseTicket",
    "Command",
    "Compared",
    "Conflict",
    "Consent",
    "ConsentGiven",
    "ConsentWithdrawn",
    "ConsentWord",
    "Consents",
    "ContactDetailsChanged",
    "Contactable",
    "ContactablePage",
    "Customer",
    "CustomerId",
    "CustomerMerged",
    "CustomerRegistered",
    "CustomerReplied",
    "CustomerTagged",
    "CustomerUntagged",
    "Difference",
    "Duplicates",
    "DuplicatesPage",
    "EnrollMember",
    "ErasePersonalData",
    "EscalateTicket",
    "Event",
    "EventDamage",
    "EventLine",
    "ExplainedMove",
    "Explanation",
    "Extension",
    "Fault",
    "Fingerprint",
    "Forgetting",
    "Forgotten",
    "Fresh",
    "GenerationView",
    "GiveConsent",
    "GrantTierOverride",
    "ImportMapping",
    "ImportReport",
    "InteractionRecorded",
    "InvalidMapping",
    "InvalidRules",
    "Keys",
    "Lane",
    "LeadQualified",
    "LiftTierOverride",
    "Line",
    "LogApplication",
    "LogMapper",
    "LogRecorder",
    "MakeReferral",
    "MembershipCancelled",
    "MembershipEnrolled",
    "MembershipResumed",
    "MembershipSuspended",
    "MergeCustomers",
    "MergeUndone",
    "MissingExtension",
    "Move",
    "NeverDrawn",
    "NotCovered",
    "NotFound",
    "NoteAdded",
    "NotedSeal",
    "OnStale",
    "OpenTicket",
    "OpenTransaction",
    "Order",
    "OrderLine",
    "Outcome",
    "OwnerAssigned",
    "OwnerNeeded",
    "Page",
    "ParkedCustomer",
    "PersonExport",
    "PersonalDataErased",
    "Points",
    "PointsAdjusted",
    "PointsEarned",
    "PointsLot",
    "PointsRedeemed",
    "PointsReversed",
    "Poison",
    "PreferenceRecorded",
    "Projections",
    "Publication",
    "PublishedRules",
    "PurchaseRecorded",
    "PutOnHold",
    "QualifyLead",
    "RateTicket",
    "RecordCheck",
    "RecordChurnReason",
    "RecordInteraction",
    "RecordPreference",
    "RecordPurchase",
    "RecordReturn",
    "RecordSurveyAnswer",
    "Recorded",
    "RecordedAhead",
    "RedeemPoints",
    "RedemptionCancelled",
    "ReferralMade",
    "RegisterCustomer",
    "Regulars",
    "RegularsError",
    "Reject",
    "Rejected",
    "ReopenAccount",
    "ReopenTicket",
    "ReplyAsAgent",
    "ReplyAsCustomer",
    "RequestCancellation",
    "ResolveTicket",
    "Restoration",
    "ResumeMembership",
    "ResumeTicket",
    "ReturnRecorded",
    "Rotation",
    "RulesDifference",
    "RulesPublished",
    "RulesRolledBack",
    "RulesVersion",
    "Ruleset",
    "SealCheck",
    "SealDamage",
    "Sealing",
    "Span",
    "StaleProjections",
    "Status",
    "StoreBusy",
    "StoreUnusable",
    "SurveyAnswered",
    "Suspect",
    "SuspendMembership",
    "TagCustomer",
    "Taken",
    "TicketAssigned",
    "TicketAwaitingCustomer",
    "TicketClassified",
    "TicketClosed",
    "TicketEscalated",
    "TicketMove",
    "TicketOpened",
    "TicketPage",
    "TicketPriorityChanged",
    "TicketPutOnHold",
    "TicketRated",
    "TicketReopened",
    "TicketResolved",
    "TicketResumed",
    "TicketView",
    "TierOverrideGranted",
    "TierOverrideLifted",
    "Timeline",
    "UndoMerge",
    "Unexplained",
    "UntagCustomer",
    "VerdictView",
    "Verification",
    "WithdrawCancellation",
    "WithdrawConsent",
    "__version__",
    "as_toml",
    "default_rules",
    "load_mapping",
    "parse_rules",
    "person_json",
    "person_page",
    "read_erased",
    "restore",
]
