"""Regulars over HTTP, as one Starlette application over an open store. It takes the extra `web`.

import regulars
from regulars import web

crm = regulars.open("shop.db")
application = web.app(crm)  # serve it with uvicorn, or mount it in an application of your own
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from regulars.crm import Regulars
from regulars.crm_domain.errors import StoreUnusable
from regulars.web.limits import Limits

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.types import ASGIApp

#: Where the API is found in the application.
API = "/api/v1"


def app(
    crm: Regulars,
    *,
    limits: Limits | None = None,
    clock: Callable[[], float] = time.monotonic,
    pages: ASGIApp | None = None,
) -> Starlette:
    """The application of an open store, which stays open for as long as it is served.

    `pages` are those of `regulars.web.console.console`, if they are to be served beside the API. `limits` are those of
    requests; `clock` gives seconds, for the rate of each token. Raises StoreUnusable without the extra `web`.
    """
    try:
        from starlette.applications import Starlette
        from starlette.exceptions import HTTPException
        from starlette.middleware import Middleware
        from starlette.routing import Mount
    except ImportError:
        raise StoreUnusable("the HTTP API needs the extra `web`: pip install 'regulars[web]'") from None
    from regulars.web.api.serving import api, not_routed
    from regulars.web.as_told import as_told

    console = () if pages is None else (Mount("", pages),)
    # An address with a line break in it is below no mount.
    routes = [Mount(API, api(crm, limits or Limits(), clock)), *console]
    handlers = {HTTPException: not_routed}
    application = Starlette(routes=routes, middleware=[Middleware(as_told)], exception_handlers=handlers)
    application.router.redirect_slashes = False  # as in the API
    return application


__all__ = ["Limits", "app"]
