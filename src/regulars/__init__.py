"""Regulars: an embeddable, event-sourced CRM core.

    import regulars
    from regulars import RecordPurchase, RegisterCustomer

    with regulars.open("shop.db", currency="EUR", actor="li") as crm:
        crm.do(RegisterCustomer(ref="shop:42", name="Ada"))
        crm.do(RecordPurchase(customer="shop:42", order_id="A-1", amount="59.90"))
        print(crm.customer("shop:42").explain())

This package is the whole of what a program that embeds the library needs to import. `open` and `copy` are left out of
`from regulars import *`, where they would hide Python's own.
"""

from adapters.checking_seals import EventDamage, NotedSeal, SealCheck, SealDamage
from adapters.copying import copy as copy
from adapters.erasing import OwnerNeeded
from adapters.horizon import OpenTransaction
from adapters.misplaced import NeverDrawn, RecordedAhead
from adapters.record_check import Compared, Fault, NotCovered, RecordCheck
from adapters.restoring import read_list as read_erased
from adapters.rules_text import as_toml
from adapters.sealing import Sealing
from adapters.verifying import Difference, Fingerprint, Verification
from crm_domain.command import Command, CustomerId
from crm_domain.customer import (
    AssignOwner,
    ChangeContactDetails,
    CloseAccount,
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
from crm_domain.interaction import AddNote, RecordInteraction, RecordSurveyAnswer
from crm_domain.membership import (
    AdjustPoints,
    CancelMembership,
    CancelRedemption,
    EnrollMember,
    GrantTierOverride,
    LiftTierOverride,
    RedeemPoints,
    ResumeMembership,
    SuspendMembership,
)
from crm_domain.purchase import OrderLine, RecordPurchase, RecordReturn
from crm_domain.ticket import (
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
)
from projections.rules import Ruleset, parse_rules
from regulars.audit import AuditEntry, AuditPage, Change
from regulars.consents import Consent, Consents, ConsentWord, Contactable, ContactablePage
from regulars.crm import Regulars, default_rules
from regulars.crm import open as open
from regulars.desk import Points, PointsLot, TicketPage, TicketView
from regulars.difference import ExplainedMove, Move, RulesDifference, TicketMove
from regulars.duplicates import Duplicates, DuplicatesPage, Suspect
from regulars.execution import Outcome
from regulars.forgetting import Forgetting, Forgotten
from regulars.keys import Rotation
from regulars.person.as_json import person_json
from regulars.person.page import person_page
from regulars.person.values import PersonExport
from regulars.published import Publication, RulesVersion
from regulars.rebuilding import GenerationView
from regulars.restoring import Restoration, restore
from regulars.views import Clause, Customer, EventLine, Explanation, Page, Span, Status, Timeline, VerdictView

__version__ = "0.1.0"

__all__ = [
    "AddNote",
    "AdjustPoints",
    "AssignOwner",
    "AssignTicket",
    "AuditEntry",
    "AuditPage",
    "AwaitCustomer",
    "CancelMembership",
    "CancelRedemption",
    "Change",
    "ChangeContactDetails",
    "ChangePriority",
    "ClassifyTicket",
    "Clause",
    "CloseAccount",
    "CloseTicket",
    "Command",
    "Compared",
    "Conflict",
    "Consent",
    "ConsentWord",
    "Consents",
    "Contactable",
    "ContactablePage",
    "Customer",
    "CustomerId",
    "Difference",
    "Duplicates",
    "DuplicatesPage",
    "EnrollMember",
    "ErasePersonalData",
    "EscalateTicket",
    "EventDamage",
    "EventLine",
    "ExplainedMove",
    "Explanation",
    "Fault",
    "Fingerprint",
    "Forgetting",
    "Forgotten",
    "GenerationView",
    "GiveConsent",
    "GrantTierOverride",
    "InvalidMapping",
    "InvalidRules",
    "LiftTierOverride",
    "MakeReferral",
    "MergeCustomers",
    "Move",
    "NeverDrawn",
    "NotCovered",
    "NotFound",
    "NotedSeal",
    "OpenTicket",
    "OpenTransaction",
    "OrderLine",
    "Outcome",
    "OwnerNeeded",
    "Page",
    "ParkedCustomer",
    "PersonExport",
    "Points",
    "PointsLot",
    "Publication",
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
    "RecordedAhead",
    "RedeemPoints",
    "RegisterCustomer",
    "Regulars",
    "RegularsError",
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
    "Rotation",
    "RulesDifference",
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
    "Suspect",
    "SuspendMembership",
    "TagCustomer",
    "TicketMove",
    "TicketPage",
    "TicketView",
    "Timeline",
    "UndoMerge",
    "UntagCustomer",
    "VerdictView",
    "Verification",
    "WithdrawCancellation",
    "WithdrawConsent",
    "__version__",
    "as_toml",
    "default_rules",
    "parse_rules",
    "person_json",
    "person_page",
    "read_erased",
    "restore",
]
