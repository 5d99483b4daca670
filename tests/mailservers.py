"""A real mail server on this machine: it keeps what it takes, and answers as a test says."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

#: What is answered to a sender, to a recipient, or to a message: a line, "close" or "hang"; of None it is taken.
Answer = Callable[[str], str | None]


class Mailbox:
    """What a server took, in order; how it answers can be changed at any time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.taken: list[tuple[str, EmailMessage]] = []
        self.to_sender: Answer = lambda address: None
        self.to_recipient: Answer = lambda address: None
        self.to_message: Answer = lambda address: None
        #: Answers to a message after which it was taken all the same.
        self.after_message: Answer = lambda address: None

    @property
    def addresses(self) -> list[str]:
        """To whom something was taken."""
        return [address for address, _ in self.taken]

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        answer = await self._answered(server, self.to_sender(address))
        if answer is None:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return answer or "250 OK"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        answer = await self._answered(server, self.to_recipient(address))
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        (address,) = envelope.rcpt_tos
        answer = await self._answered(server, self.to_message(address))
        if answer is not None:
            return answer
        assert isinstance(envelope.content, bytes)
        with self._lock:
            self.taken.append((address, message_from_bytes(envelope.content, policy=policy.default)))
        return await self._answered(server, self.after_message(address)) or "250 2.0.0 OK"

    async def _answered(self, server: SMTP, answer: str | None) -> str | None:
        if answer == "close":
            assert server.transport is not None
            server.transport.abort()
        elif answer == "hang":
            await asyncio.sleep(1.5)
        return answer


@contextmanager
def mail_server() -> Iterator[tuple[Mailbox, int]]:
    """A server, what it took, and its port."""
    mailbox = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield mailbox, port
    finally:
        controller.stop()
