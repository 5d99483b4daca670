"""The data export of one person, for a subject access request.

`gathering` collects it, `values` has its types, `page` and `as_json` write it as text and as JSON.
"""

from regulars.person.values import (
    Answer,
    Contract,
    CouponCode,
    Detail,
    Forgotten,
    Identity,
    Interaction,
    Line,
    Membership,
    Merge,
    Message,
    Note,
    Opportunity,
    PersonExport,
    Purchase,
    Quote,
    QuotedLine,
    QuoteRevision,
    Return,
    Task,
    Ticket,
)

__all__ = [
    "Answer",
    "Contract",
    "CouponCode",
    "Detail",
    "Forgotten",
    "Identity",
    "Interaction",
    "Line",
    "Membership",
    "Merge",
    "Message",
    "Note",
    "Opportunity",
    "PersonExport",
    "Purchase",
    "Quote",
    "QuoteRevision",
    "QuotedLine",
    "Return",
    "Task",
    "Ticket",
]
