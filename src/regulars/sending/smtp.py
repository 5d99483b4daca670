"""A mail server (RFC 5321) that takes offers, one connection for as many as it likes.

1. Nothing is recorded before the server has accepted the recipient: what it refuses or puts off by then was not sent.
2. Once the message itself is on its way, its offer is recorded as being sent. If no answer comes, it is in doubt.
3. What the server answers decides: 2xx is sent, 4xx put off, 5xx refused. It is the address's fault where the enhanced
   status says so, or where a server that gives none answers the recipient with 550, 551 or 553.
4. A server closes what is idle, or after so many messages: a connection that was kept is made anew where it is gone.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from email.headerregistry import Address
from ipaddress import ip_address
from types import TracebackType
from typing import Literal, Self

from msgspec import Struct

from regulars.crm_domain.errors import MailServerUnusable, Rejected
from regulars.sending.message import offer_mail, recipient_of
from regulars.sending.status import is_of_the_address
from regulars.sending.values import Attempt, OutgoingOffer
from regulars.wording.plain_text import clean

Encryption = Literal["starttls", "tls", "none"]

_PORTS: dict[Encryption, int] = {"starttls": 587, "tls": 465, "none": 25}
_TIMEOUT = 60.0
_NO_SUCH_MAILBOX = frozenset({550, 551, 553})
#: The server closes the connection.
_CLOSING = 421


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
        """Send an offer. Raises MailServerUnusable, Rejected `not_by_mail` for one that goes out on another channel,
        and what `about_to` raises; then it was not sent.
        """
        if offer.channel != "email":
            sentence = f'campaign "{offer.campaign_id}" goes out by {offer.channel}; a mail server sends e-mail alone'
            raise Rejected("not_by_mail", sentence)
        try:
            recipient = recipient_of(offer)
            content = offer_mail(offer, self._sender, self._now()).as_bytes()
        except ValueError:
            return Attempt(fate="refused", hard=True, said="no mail can be addressed like that")
        was_kept = self._connection is not None
        failed = self._announced(recipient)
        if was_kept and self._connection is None:
            failed = self._announced(recipient)
        if failed is not None:
            return failed
        connection = self._connected()
        try:
            about_to()
        except BaseException:
            self._reset()
            raise
        try:
            code, said = connection.data(content)
        except smtplib.SMTPDataError as error:  # before any of the message was sent
            self._reset()
            return _answered(int(error.smtp_code), error.smtp_error)
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            return Attempt(fate="in_doubt", said=_said(error))
        return _answered(code, said)

    def _announced(self, recipient: Address) -> Attempt | None:
        """Announce a message; what came of it where it can't be sent. Without a connection then, it was lost."""
        connection = self._connected()
        try:
            failed = self._envelope(connection, recipient)
        except (smtplib.SMTPServerDisconnected, OSError) as error:
            self._drop()
            return Attempt(fate="put_off", said=_said(error))
        if failed is not None:
            self._reset()
        return failed

    def _envelope(self, connection: smtplib.SMTP, recipient: Address) -> Attempt | None:
        """What is wrong with the envelope, if anything."""
        address = recipient.addr_spec
        options = () if address.isascii() else ("SMTPUTF8", "BODY=8BITMIME")
        if options and not connection.has_extn("smtputf8"):
            return Attempt(fate="refused", said="the mail server takes no addresses beyond ASCII")
        code, said = connection.mail(self._sender.addr_spec, options)
        if code >= 500:
            raise MailServerUnusable(f"the mail server takes nothing from {self._sender.addr_spec}: {_text(said)}")
        if code == 250:
            code, said = connection.rcpt(address)
        if code == _CLOSING:
            self._drop()
        return None if code in (250, 251) else _answered(code, said, _NO_SUCH_MAILBOX)

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
                if not connection.has_extn("starttls"):
                    raise MailServerUnusable(
                        f"the mail server {server.host} offers no STARTTLS; the encryption `tls` is there from the "
                        "first word on, and `none` is for a server on this machine"
                    )
                connection.starttls(context=ssl.create_default_context())
                connection.ehlo()
            if server.user is not None:
                connection.login(server.user, server.password or "")
        except BaseException:
            connection.close()
            raise
        return connection

    def _reset(self) -> None:
        if self._connection is not None:
            try:
                self._connection.rset()
            except (smtplib.SMTPException, OSError):
                self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def _answered(code: int, said: bytes | str, no_such_mailbox: frozenset[int] = frozenset()) -> Attempt:
    """What an answer means; some codes may say by themselves that a mailbox isn't there."""
    text = _text(said)
    if 200 <= code < 300:
        return Attempt(fate="sent", said=text)
    if 500 <= code < 600:
        of_the_address = is_of_the_address(text)
        hard = code in no_such_mailbox if of_the_address is None else of_the_address
        return Attempt(fate="refused", hard=hard, said=f"{code} {text}")
    return Attempt(fate="put_off", said=f"{code} {text}")


def _text(said: bytes | str) -> str:
    return clean(said.decode("utf-8", "replace") if isinstance(said, bytes) else said)


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _text(error.smtp_error)
    return clean(str(error)) or type(error).__name__
