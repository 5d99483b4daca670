"""Receivers of hooks: real servers on this machine that write down what they get, and answer as they are told to."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import trustme


@dataclass(frozen=True)
class Got:
    """A request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


#: What a receiver does with a request: answer with a status, with a status and headers, or with something worse.
Answer = int | tuple[int, dict[str, str]] | Callable[[socket.socket], None]


@dataclass
class Receiver:
    """A server at a port of this machine. `answer` is asked for each request."""

    port: int
    answer: Callable[[Got], Answer] = lambda got: 204
    got: list[Got] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def by_customer(self) -> dict[str, list[str]]:
        """The ids of the messages that came, in their order, by customer."""
        found: dict[str, list[str]] = {}
        for each in self.got:
            found.setdefault(each.event.get("subject", ""), []).append(each.headers["webhook-id"])
        return found


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got = Got(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            receiver.got.append(got)
            answer = receiver.answer(got)
            if callable(answer):
                with suppress(OSError):
                    answer(self.connection)
                self.close_connection = True
                return
            status, headers = answer if isinstance(answer, tuple) else (answer, {})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 100

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever posts may be killed: that is no matter of the receiver's."""


@contextmanager
def receiving(certificate: trustme.LeafCert | None = None) -> Iterator[Receiver]:
    """A receiver, with a certificate or unencrypted."""
    server = _Server(("127.0.0.1", 0), BaseHTTPRequestHandler)
    receiver = Receiver(port=server.server_address[1])
    server.RequestHandlerClass = _handler(receiver)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()


def hanging(receiver: Receiver) -> Answer:
    """Answer nothing until the receiver ends."""

    def hang(connection: socket.socket) -> None:
        receiver.stopped.wait()

    return hang


def dripping(receiver: Receiver) -> Answer:
    """Answer a byte now and then, for ever."""

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not receiver.stopped.wait(0.1):
            connection.sendall(b"X")

    return drip


def closing(connection: socket.socket) -> None:
    """Close in the middle of an answer."""
    connection.sendall(b"HTTP/1.1 20")
    connection.shutdown(socket.SHUT_RDWR)


def babbling(connection: socket.socket) -> None:
    """Answer with what is no HTTP."""
    connection.sendall(b"220 mail.example ESMTP\r\n")
    connection.shutdown(socket.SHUT_RDWR)


def pouring(connection: socket.socket) -> None:
    """Answer with a body that never ends."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
