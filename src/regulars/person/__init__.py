"""Everything held about one person: put together in `gathering`, said in `values`, written by `page` and `as_json`."""

from regulars.person.values import (
    Answer,
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
    Return,
    Ticket,
)

__all__ = [
    "Answer",
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
    "Return",
    "Ticket",
]
