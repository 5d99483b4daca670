"""One attempt: the host is resolved, its addresses are checked, and the message is posted to one of them.

The connection is made to the address that was checked, under the host's name (Host, SNI, certificate): asked once more,
the name might lead elsewhere. Nothing of the environment (proxies, .netrc) is taken, no redirect is followed, and of
the answer nothing but its head is read.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from regulars.crm_domain.errors import StoreUnusable
from regulars.hooks.addresses import Address, AddressRefused, let_through
from regulars.hooks.message import Message
from regulars.hooks.target import Target

if TYPE_CHECKING:
    import httpx

#: An attempt as a whole may take so many seconds, whatever is slow: the name, the connection or the answer.
DEADLINE = 15.0
#: Of those, connecting to one of several addresses.
CONNECTING = 5.0

GONE = 410
_REDIRECTS = range(300, 400)
_TAKEN = range(200, 300)
_MAY_ASK_FOR_A_PAUSE = (429, 503)


#: Whose certificates are taken, made when they are first asked for.
Certificates = Callable[[], ssl.SSLContext]


class Answer(Struct, frozen=True, kw_only=True):
    """What came of an attempt: the status that was answered, if any, and what was wrong, None where it was taken.

    `retry_after` is the pause that the receiver asked for.
    """

    status: int | None = None
    failure: str | None = None
    retry_after: timedelta | None = None

    @property
    def is_gone(self) -> bool:
        """Whether the receiver said that it wants nothing more, ever."""
        return self.status == GONE


def require_extra() -> None:
    """Raise StoreUnusable where the libraries that hooks take aren't installed."""
    try:
        import httpx  # noqa: F401
        import standardwebhooks  # noqa: F401
    except ImportError:
        raise StoreUnusable("hooks take the extra: pip install 'regulars[hooks]'") from None


def trusted() -> ssl.SSLContext:
    """Whose certificates are taken: those whom the system trusts (SSL_CERT_FILE names others), and the usual ones, as
    some systems have none.
    """
    import certifi

    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


async def send(target: Target, message: Message, certificates: Certificates, *, allow_local: bool) -> Answer:
    """Post a message. Whatever goes wrong outside is an answer, too. `certificates` are those of `trusted`."""
    try:
        async with asyncio.timeout(DEADLINE):
            addresses = let_through(target, await _resolved(target), allow_local=allow_local)
            return await _post(target, addresses, message, certificates)
    except AddressRefused as error:
        return Answer(failure=str(error))
    except TimeoutError:
        return Answer(failure=f"it gave no answer within {DEADLINE:.0f} seconds")


async def _resolved(target: Target) -> Sequence[str]:
    """The addresses of a host, as the system gives them: also those of 2130706433 or 0x7f.1, which are 127.0.0.1."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no name"
        raise AddressRefused(f"the address of {target.host} was not found: {said}") from None
    return list(dict.fromkeys(str(where[0]) for *_, where in found))


async def _post(target: Target, addresses: Sequence[Address], message: Message, certificates: Certificates) -> Answer:
    import httpx

    failure = Answer(failure="")
    for address in addresses:
        try:
            return await _post_to(target, address, message, certificates)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:  # of an answer nothing was had: try the next one
            failure = Answer(failure=_why(error, target))
        except httpx.HTTPError as error:
            return Answer(failure=_why(error, target))
    return failure


async def _post_to(target: Target, address: Address, message: Message, certificates: Certificates) -> Answer:
    import httpx

    # A client for each attempt: a connection that is kept is known by its address, and two hosts may share one.
    async with httpx.AsyncClient(
        verify=certificates() if target.scheme == "https" else False,
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(DEADLINE, connect=CONNECTING),
        limits=httpx.Limits(max_keepalive_connections=0),
    ) as client:
        request = client.build_request(
            "POST",
            httpx.URL(scheme=target.scheme, host=str(address), port=target.port, raw_path=target.path.encode("ascii")),
            content=message.body,
            headers={**message.headers, "Host": target.authority, "Connection": "close"},
            extensions={"sni_hostname": target.host},
        )
        response = await client.send(request, stream=True)  # its body is never read
        await response.aclose()
    return _answer(response)


def _answer(response: httpx.Response) -> Answer:
    status = response.status_code
    if status in _TAKEN:
        return Answer(status=status)
    if status in _REDIRECTS:
        return Answer(status=status, failure=f"it answered {status}, and redirects are not followed")
    asked = _pause_asked_for(response.headers) if status in _MAY_ASK_FOR_A_PAUSE else None
    return Answer(status=status, failure=f"it answered {status}", retry_after=asked)


def _pause_asked_for(headers: httpx.Headers) -> timedelta | None:
    """A number of seconds, or a day and time, which is compared with the receiver's own clock (RFC 9110, 10.2.3)."""
    text = headers.get("retry-after", "")
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:9]), 10**6))
    with suppress(ValueError, TypeError, OverflowError):
        return parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("date", ""))
    return None


def _why(error: httpx.HTTPError, target: Target) -> str:
    """What went wrong, in our own words: those of a library may quote what the receiver sent."""
    import httpx

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not valid for {target.host}: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return "no encrypted connection came about"
        if isinstance(cause, ConnectionRefusedError):
            return "nobody listens there"
        cause = cause.__cause__ or cause.__context__
    match error:
        case httpx.ConnectTimeout():
            return f"no connection came about within {CONNECTING:.0f} seconds"
        case httpx.ConnectError():
            return "no connection came about"
        case httpx.TimeoutException():
            return f"it gave no answer within {DEADLINE:.0f} seconds"
        case httpx.RemoteProtocolError():
            return "it closed the connection without an answer, or answered with something else than HTTP"
        case _:
            return "the connection broke off before an answer came"
