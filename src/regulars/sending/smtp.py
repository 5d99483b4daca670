"""A mail server (RFC 5321) that takes offers, one connection for as many as it likes.

1. Nothing is recorded before the server has accepted the recipient: what it refuses or puts off by then was not sent.
2. Once the message itself is on its way, its offer is recorded as being sent. If no answer comes, it is in doubt.
3. What the server answers decides: 2xx is sent, 4xx put off, 5xx refused. It is the address's fault where the extended
   status says so, 5.1 or 5.2 (RFC 3463), or the code 550, 551 or 553 of a server that gives none.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from email.headerregistry import Address
from email.policy import SMTP
from ipaddress import ip_address
from types import TracebackType
from typing import Literal, Self

from msgspec import Struct

from regulars.crm_domain.errors import RegularsError
from regulars.sending.message import offer_mail
from regulars.sending.values import Attempt, OutgoingOffer
from regulars.wording.plain_text import clean

Encryption = Literal["starttls", "tls", "none"]

_PORTS: dict[Encryption, int] = {"starttls": 587, "tls": 465, "none": 25}
_TIMEOUT = 60.0
_NO_SUCH_MAILBOX = frozenset({550, 551, 553})
_EXTENDED = re.compile(r"\b5\.(\d{1,3})\.\d{1,3}\b")


class MailServerUnusable(RegularsError):
    """The mail server can't be reached, or takes nothing from us; nothing was sent."""


class MailServer(Struct, frozen=True, kw_only=True):
    """Where a mail server is, and how to speak to it. `port` is the usual one where it is None.

    Raises ValueError for one elsewhere that is to be spoken to without encryption.
    """

    host: str
    port: int | None = None
    encryption: Encryption = "starttls"
    user: str | None = None
    password: str | None = None
    timeout: float = _TIMEOUT

    def __post_init__(self) -> None:
        if self.encryption == "none" and not _is_this_machine(self.host):
            raise ValueError(f"{self.host} is another machine; without encryption only this one's own server is used")


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return False


class SmtpCarrier:
    """Carries offers to a mail server. Its `carry` is a `Carry`; `now` is asked when each message is written."""

    def __init__(self, server: MailServer, sender: Address, now: Callable[[], datetime]) -> None:
        self._server = server
        self._sender = sender
        self._now = now
        self._connection: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._connection is not None:
            with suppress(smtplib.SMTPException, OSError):
                self._connection.quit()
        self._drop()

    def carry(self, offer: OutgoingOffer, about_to: Callable[[], None]) -> Attempt:
        """Send an offer. Raises MailServerUnusable, and what `about_to` raises; then it was not sent."""
        try:
            message = offer_mail(offer, self._sender, self._now())
        except ValueError:
            return Attempt(fate="refused", hard=True, said="no mail can be addressed like that")
        connection = self._connected()
        try:
            refused = self._envelope(connection, offer)
        except (smtplib.SMTPServerDisconnected, OSError) as error:
            self._drop()
            return Attempt(fate="put_off", said=_said(error))
        if refused is not None:
            self._reset(connection)
            return refused
        try:
            about_to()
        except BaseException:
            self._reset(connection)
            raise
        try:
            code, said = connection.data(message.as_bytes(policy=SMTP))
        except smtplib.SMTPDataError as error:  # before any of the message was sent
            return _answered(int(error.smtp_code), error.smtp_error)
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            return Attempt(fate="in_doubt", said=_said(error))
        return _answered(code, said)

    def _envelope(self, connection: smtplib.SMTP, offer: OutgoingOffer) -> Attempt | None:
        """What is wrong with the envelope, if anything."""
        assert offer.address is not None
        options = () if offer.address.isascii() else ("SMTPUTF8", "BODY=8BITMIME")
        if options and not connection.has_extn("smtputf8"):
            return Attempt(fate="refused", hard=False, said="the mail server takes no addresses beyond ASCII")
        code, said = connection.mail(self._sender.addr_spec, options)
        if code >= 500:
            raise MailServerUnusable(f"the mail server takes nothing from {self._sender.addr_spec}: {_text(said)}")
        if code != 250:
            return Attempt(fate="put_off", said=_text(said))
        code, said = connection.rcpt(offer.address)
        return None if code in (250, 251) else _answered(code, said)

    def _connected(self) -> smtplib.SMTP:
        if self._connection is None:
            try:
                self._connection = self._connect()
            except (smtplib.SMTPException, OSError) as error:
                raise MailServerUnusable(f"the mail server {self._server.host} can't be used: {_said(error)}") from None
        return self._connection

    def _connect(self) -> smtplib.SMTP:
        server = self._server
        port = server.port or _PORTS[server.encryption]
        if server.encryption == "tls":
            context = ssl.create_default_context()
            connection: smtplib.SMTP = smtplib.SMTP_SSL(server.host, port, timeout=server.timeout, context=context)
        else:
            connection = smtplib.SMTP(server.host, port, timeout=server.timeout)
        try:
            connection.ehlo()
            if server.encryption == "starttls":
                connection.starttls(context=ssl.create_default_context())
                connection.ehlo()
            if server.user is not None:
                connection.login(server.user, server.password or "")
        except BaseException:
            connection.close()
            raise
        return connection

    def _reset(self, connection: smtplib.SMTP) -> None:
        try:
            connection.rset()
        except (smtplib.SMTPException, OSError):
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def _answered(code: int, said: bytes | str) -> Attempt:
    if 200 <= code < 300:
        return Attempt(fate="sent", said=_text(said))
    if 500 <= code < 600:
        return Attempt(fate="refused", hard=is_of_the_address(code, _text(said)), said=_text(said))
    return Attempt(fate="put_off", said=_text(said))


def is_of_the_address(code: int, said: str) -> bool:
    """Whether a refusal is the address's fault, rather than the message's or the sender's."""
    found = _EXTENDED.search(said)
    return found[1] in ("1", "2") if found else code in _NO_SUCH_MAILBOX


def _text(said: bytes | str) -> str:
    return clean(said.decode("utf-8", "replace") if isinstance(said, bytes) else said)


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _text(error.smtp_error)
    return clean(str(error)) or type(error).__name__
