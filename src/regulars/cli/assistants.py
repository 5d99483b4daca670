"""`mcp`: answers for assistants, by the Model Context Protocol."""

from __future__ import annotations

import signal
import sys
import warnings
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

import regulars
from regulars.assistants.tools import tools
from regulars.cli import as_json, render
from regulars.cli.opening import StoreOption, existing, extensions, master_key
from regulars.crm import Regulars
from regulars.crm_domain.errors import StaleProjections, StoreUnusable
from regulars.session.clock import Clock, system_clock


def mcp(
    ctx: typer.Context,
    personal: Annotated[
        bool, typer.Option("--personal", help="Answer with names, contact details and texts as well.")
    ] = False,
    list_tools: Annotated[bool, typer.Option("--tools", help="List the tools, and serve none.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="List the tools with their input as JSON, for machines.")
    ] = False,
    db: StoreOption = None,
) -> None:
    """Answer an assistant's questions, read-only, by the Model Context Protocol.

    The assistant's program starts it, and speaks to it over standard input and output. Nothing can be changed by it.
    Without --personal it reads no key of any customer, so customers are ids; what an assistant reads goes to whoever
    runs the assistant.
    """
    if json:
        known = tools().values()
        as_json.write_json(
            sys.stdout, [{"name": each.name, "description": each.about, "input": dict(each.schema)} for each in known]
        )
        return
    if list_tools:
        render.draw(_table())
        return
    try:
        from regulars.assistants.serving import serve
    except ImportError:
        raise StoreUnusable("answers for assistants need the extra `mcp`: pip install 'regulars[mcp]'") from None
    target, key, brought = existing(ctx, db), master_key(ctx), extensions(ctx)

    def opening(clock: Clock) -> Regulars:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", StaleProjections)
            return regulars.open(
                target,
                clock=clock,
                read_only=True,
                master_key=key if personal else None,
                extensions=brought,
                personal=personal,
            )

    opening(system_clock).close()  # what can't be opened is told now, before an assistant asks
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the thread that reads can't be stopped, and nothing is half done
    serve(opening)


def _table() -> Table:
    table = Table("Tool", "What it answers", box=None, header_style="bold", pad_edge=False)
    for each in tools().values():
        table.add_row(Text(each.name), Text(each.summary))
    return table
