"""Where a hook posts to: its URL, read once and strictly, so that no second reader sees another host in it."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

PORTS = {"https": 443, "http": 80}
MAX_URL = 2_000

_PRINTABLE = re.compile(r"[!-~]+")
_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
_IPV6 = re.compile(r"[0-9a-f:.]+")


class Target(Struct, frozen=True, kw_only=True):
    """A URL taken apart. `host` is in lower case, without a final dot and without the brackets of IPv6; `path` has the
    query.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Host and port, as the header Host has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def parse_target(url: str, *, allow_local: bool) -> Target:
    """Read a URL: https://HOST[:PORT]/PATH, or with `allow_local` http, too.

    Raises ValueError with a sentence for anything else.
    """
    if len(url) > MAX_URL or not _PRINTABLE.fullmatch(url) or "\\" in url:
        raise ValueError(
            f"a hook's URL is at most {MAX_URL:,} characters of ASCII without spaces or backslashes: a name in other "
            "letters is written as xn--..., a path with %"
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{url} is no URL: {error}") from None
    _require_plain(url, parts, allow_local)
    host = (parts.hostname or "").removesuffix(".")
    if not (_IPV6 if ":" in host else _HOST).fullmatch(host):
        raise ValueError(f"{url} names no host; a hook's URL is https://HOST/PATH")
    if port == 0:
        raise ValueError(f"{url} has port 0, which nobody listens on")
    path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    return Target(scheme=parts.scheme, host=host, port=port or PORTS[parts.scheme], path=path)


def _require_plain(url: str, parts: SplitResult, allow_local: bool) -> None:
    if parts.scheme not in PORTS or (parts.scheme == "http" and not allow_local):
        raise ValueError(
            f"a hook's URL begins with https://, not {parts.scheme or url}://; http is for this machine alone, with "
            "--allow-local"
        )
    if "@" in parts.netloc:
        raise ValueError("a hook's URL has no name or password in it: the receiver knows us by the signature")
    if "#" in url:
        raise ValueError("a hook's URL has no part after #: that is never sent")
