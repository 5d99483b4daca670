"""The data export of one person, for a subject access request.

`gathering` collects it, `values` has its types, `page` and `as_json` write it as text and as JSON.
"""

from regulars.person.values import (
    Answer,
    Contract,
    Detail,
    Forgotten,
    Identity,
    Interaction,
    Line,
    Membership,
    Merge,
    Message,
    Note,
    PersonExport,
    Purchase,
    Quote,
    QuotedLine,
    QuoteRevision,
    Return,
    Ticket,
)

__all__ = [
    "Answer",
    "Contract",
    "Detail",
    "Forgotten",
    "Identity",
    "Interaction",
    "Line",
    "Membership",
    "Merge",
    "Message",
    "Note",
    "PersonExport",
    "Purchase",
    "Quote",
    "QuoteRevision",
    "QuotedLine",
    "Return",
    "Ticket",
]
