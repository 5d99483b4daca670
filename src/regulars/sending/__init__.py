"""Sending offers: what is to be sent, a mail server that takes it, what became of it, and what comes back.

`Regulars.campaigns.send`, `send_through`, `to_send` and `take_returned` do it.
"""

from regulars.sending.message import parse_sender
from regulars.sending.smtp import MailServer, SmtpCarrier
from regulars.sending.values import Attempt, OutgoingOffer, ReturnsReport, SendingReport

__all__ = [
    "Attempt",
    "MailServer",
    "OutgoingOffer",
    "ReturnsReport",
    "SendingReport",
    "SmtpCarrier",
    "parse_sender",
]
