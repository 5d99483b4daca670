"""Regulars: an embeddable, event-sourced CRM core.

    import regulars
    from regulars import RecordPurchase, RegisterCustomer

    with regulars.open("shop.db", currency="EUR", actor="li") as crm:
        crm.do(RegisterCustomer(ref="shop:42", name="Ada"))
        crm.do(RecordPurchase(customer="shop:42", order_id="A-1", amount="59.90"))
        print(crm.customer("shop:42").explain())

This package is the whole of what a program that embeds the library needs to import. `open` is left out of
`from regulars import *`, where it would hide Python's own.
"""

from crm_domain.command import Command, CustomerId
from crm_domain.customer import (
    AssignOwner,
    ChangeContactDetails,
    CloseAccount,
    ErasePersonalData,
    GiveConsent,
    MakeReferral,
    QualifyLead,
    RecordChurnReason,
    RecordPreference,
    RegisterCustomer,
    ReopenAccount,
    RequestCancellation,
    TagCustomer,
    UntagCustomer,
    WithdrawCancellation,
    WithdrawConsent,
)
from crm_domain.errors import (
    Conflict,
    InvalidMapping,
    InvalidRules,
    NotFound,
    RegularsError,
    Rejected,
    StoreBusy,
    StoreUnusable,
)
from crm_domain.interaction import AddNote, RecordInteraction, RecordSurveyAnswer
from crm_domain.purchase import OrderLine, RecordPurchase, RecordReturn
from projections.rules import Ruleset, parse_rules
from regulars.crm import Regulars, default_rules
from regulars.crm import open as open
from regulars.execution import Outcome
from regulars.views import Clause, Customer, EventLine, Explanation, Page, Span, Status, Timeline, VerdictView

__version__ = "0.1.0"

__all__ = [
    "AddNote",
    "AssignOwner",
    "ChangeContactDetails",
    "Clause",
    "CloseAccount",
    "Command",
    "Conflict",
    "Customer",
    "CustomerId",
    "ErasePersonalData",
    "EventLine",
    "Explanation",
    "GiveConsent",
    "InvalidMapping",
    "InvalidRules",
    "MakeReferral",
    "NotFound",
    "OrderLine",
    "Outcome",
    "Page",
    "QualifyLead",
    "RecordChurnReason",
    "RecordInteraction",
    "RecordPreference",
    "RecordPurchase",
    "RecordReturn",
    "RecordSurveyAnswer",
    "RegisterCustomer",
    "Regulars",
    "RegularsError",
    "Rejected",
    "ReopenAccount",
    "RequestCancellation",
    "Ruleset",
    "Span",
    "Status",
    "StoreBusy",
    "StoreUnusable",
    "TagCustomer",
    "Timeline",
    "UntagCustomer",
    "VerdictView",
    "WithdrawCancellation",
    "WithdrawConsent",
    "__version__",
    "default_rules",
    "parse_rules",
]
