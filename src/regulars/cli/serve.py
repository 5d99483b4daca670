"""`serve`: the console and the HTTP API, on this machine alone."""

from __future__ import annotations

import signal
import socket
import sys
import webbrowser
from contextlib import suppress
from typing import Annotated
from urllib.parse import urlsplit

import typer

from regulars.adapters.garbage_collection import spare_what_is_held
from regulars.cli import as_json
from regulars.cli.opening import JsonOption, StoreOption, acting, open_to_change
from regulars.cli.progress import waiting
from regulars.crm import Regulars
from regulars.crm_domain.errors import StoreUnusable
from regulars.web.listening import LOOPBACK, listen

PORT = 8765


def serve(
    ctx: typer.Context,
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="PORT", help="The port; 0 takes any that is free.")
    ] = PORT,
    browse: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    public_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="How the outside reaches it, where something passes its requests on."),
    ] = None,
    json: JsonOption = False,
    db: StoreOption = None,
) -> None:
    """Serve the console, to be used in a browser, and the HTTP API.

    It listens on this machine alone. Without users, the address that is printed lets in whoever opens it first, once;
    from the first `users add` on, people sign in by name and password. Ctrl-C ends it.
    """
    try:
        import uvicorn

        from regulars import web
        from regulars.web.console import console, gate_for_one, gate_for_users, local_origins, working
    except ImportError:
        raise StoreUnusable("the console needs the extra `web`: pip install 'regulars[web]'") from None
    outside = None if public_url is None else _origin(public_url)
    with open_to_change(ctx, db) as crm, _listening(port) as listening, working(crm) as beside:
        bound: int = listening.getsockname()[1]
        _hold_names(crm)
        gate = gate_for_users(crm) if crm.users.list() else gate_for_one(crm, acting(ctx, None))
        origins = local_origins(bound) if outside is None else frozenset({outside})
        once = getattr(gate, "once", None)
        address = f"{outside or f'http://{LOOPBACK}:{bound}'}/" + (f"enter?token={once}" if once else "")
        _say(address, json)
        if browse:
            webbrowser.open(address)
        config = uvicorn.Config(
            web.app(crm, pages=console(crm, gate, port=bound, origins=origins, beside=beside)),
            log_level="warning",
            access_log=False,  # addresses hold nothing personal, and who looked at what is nobody's business
            server_header=False,
            proxy_headers=False,  # whatever passes requests on is not believed who they are from
            limit_concurrency=200,
            timeout_graceful_shutdown=10,
        )
        spare_what_is_held()
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # the server ends, and raises what it ended for
        try:
            with suppress(KeyboardInterrupt):
                uvicorn.Server(config).run(sockets=[listening])
        finally:
            gate.close()


def _listening(port: int) -> socket.socket:
    try:
        return listen(port)
    except OSError as error:
        raise StoreUnusable(f"port {port} can't be listened on ({error.strerror}); --port names another") from None


def _origin(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise typer.BadParameter(
            f'expected the address of a host, such as https://crm.example.com, not "{url}"', param_hint="--public-url"
        )
    return f"{parts.scheme}://{parts.netloc}".lower()


def _hold_names(crm: Regulars) -> None:
    if crm.names_readable:
        with waiting("reading names", if_stopped="Stopped; nothing was changed."):
            crm.hold_names()


def _say(address: str, json: bool) -> None:
    if json:
        as_json.write_json(sys.stdout, {"address": address})
    else:
        typer.echo(f"Open {address}\nCtrl-C ends it.")
    sys.stdout.flush()
