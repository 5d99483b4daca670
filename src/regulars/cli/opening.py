"""Opening the store of a command: to read, to write, or to change."""

from __future__ import annotations

import getpass
import os
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

import regulars
from regulars.adapters.extensions.extension import Extension
from regulars.adapters.read_models.generations import in_short
from regulars.adapters.sql.database import located, parse_url
from regulars.adapters.store.store import require_store
from regulars.adapters.vault.keyring import MasterKey
from regulars.cli.extensions import registry_with
from regulars.cli.files import require_printing_elsewhere
from regulars.cli.given import MASTER_KEY_VARIABLE, given
from regulars.crm import Regulars
from regulars.crm_domain.command import require_label
from regulars.crm_domain.errors import NotFound, StaleProjections, StoreUnusable
from regulars.projections.registry import Registry
from regulars.session.clock import Clock, system_clock
from regulars.wording.plain_text import clean

StoreOption = Annotated[
    str | None,
    typer.Option("--db", metavar="FILE", help="The store: a file, or a database URL. Also before the command."),
]
ActorOption = Annotated[str | None, typer.Option(metavar="NAME", help="Who acts. Also before the command.")]
CurrencyOption = Annotated[
    str | None, typer.Option(metavar="CODE", help="The currency of a new store, such as EUR; it is fixed from then on.")
]
FreshOption = Annotated[
    float,
    typer.Option(
        "--fresh",
        metavar="SECONDS",
        min=0,
        max=86_400,
        help="Catch up for at most so many seconds; what is missing is said.",
    ),
]
AtLeastOption = Annotated[
    int | None,
    typer.Option(
        "--at-least",
        metavar="POSITION",
        min=1,
        help="Wait until the event at this position, as `do` prints it, is included.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


def extensions(ctx: typer.Context) -> tuple[Extension, ...]:
    """The extensions of this run. Raises typer.BadParameter and StoreUnusable for what is none."""
    return given(ctx).load_extensions()


def registry(ctx: typer.Context) -> Registry:
    """What this run reads and judges stores with. Raises as `extensions` does."""
    return registry_with(extensions(ctx))


def open_to_ask(ctx: typer.Context, store: str | None) -> Regulars:
    """Open a store that exists; all questions are asked at one moment, however long the answer takes to print.

    One that may not be written is opened read-only. Raises NotFound where there is none, and never makes one.
    """
    target = existing(ctx, store)
    moment = system_clock()
    crm = _open(ctx, target, acting(ctx, None), clock=lambda: moment)
    _tell_what_is_stale(crm)
    return crm


def open_to_change(ctx: typer.Context, store: str | None, actor: str | None = None) -> Regulars:
    """Open a store that exists, to change its rules or its read models. Raises NotFound where there is none."""
    return _open(ctx, existing(ctx, store), acting(ctx, actor), clock=system_clock)


def store_meant(ctx: typer.Context, store: str | None = None) -> str:
    """The store that is named, or else the one of the global options, in the schema of those.

    Raises StoreUnusable for what is none.
    """
    chosen = given(ctx)
    return os.fspath(located(store or chosen.store, chosen.schema or None))


def existing(ctx: typer.Context, store: str | None) -> str:
    """The store that is meant, where there is one. Raises NotFound, and StoreUnusable for what is none."""
    target = store_meant(ctx, store)
    path = store_file(target)
    if path is not None and not path.exists():
        raise NotFound(
            f"there is no store at {path}; make one with `regulars import`, `regulars do` or `regulars demo`, "
            "or name another with --db"
        )
    # A query must not turn somebody else's database into a store, so look before opening.
    require_store(target)
    return target


def _open(
    ctx: typer.Context, target: str, actor: str, *, currency: str | None = None, clock: Clock = system_clock
) -> Regulars:
    brought = extensions(ctx)
    registry_with(brought)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StaleProjections)  # which is told in a line, without a file and its number
        crm = regulars.open(
            target,
            actor=actor,
            currency=currency,
            clock=clock,
            master_key=master_key(ctx),
            extensions=brought,
        )
    try:
        require_printing_elsewhere(crm)
    except StoreUnusable:
        crm.close()
        raise
    if crm.is_new and not crm.keys.wrapped:
        typer.echo(
            "regulars: this new store keeps its keys beside the names, so anybody with the file can read them; a "
            "master key protects them: `regulars keys new > master.key`, then `regulars keys rotate --new-key-file "
            f"master.key`, and from then on {MASTER_KEY_VARIABLE} has it",
            err=True,
        )
    for missing in crm.missing_extensions:
        typer.echo(f"regulars: {clean(str(missing))}", err=True)
    if not crm.names_readable:
        typer.echo('regulars: this role may not SELECT from "regulars_keys", so names are left out', err=True)
    return crm


def master_key(ctx: typer.Context) -> str | None:
    """The master key of the environment, if there is one. Raises typer.BadParameter for what is none."""
    text = given(ctx).master_key
    return None if not text else parsed_key(text, MASTER_KEY_VARIABLE)


def parsed_key(text: str, where: str) -> str:
    """A master key as text. Raises typer.BadParameter, without showing it, for what is none."""
    try:
        MasterKey(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=where) from None
    return text


def _tell_what_is_stale(crm: Regulars) -> None:
    """Say on stderr that other code or rules folded in what lists answer from."""
    differences: tuple[str, ...] = ()
    with suppress(StoreUnusable):  # whatever needs what can't be read says so
        differences = crm.projections.staleness()
    if differences:
        typer.echo(
            f"regulars: the read models of this store were folded by other code or rules: {in_short(differences)}; "
            "lists stay as they were, and `regulars rebuild` folds them again",
            err=True,
        )


def tell_what_is_missing(crm: Regulars) -> None:
    """Say on stderr what a list doesn't know of, so that its output stays what it is."""
    found = crm.status() if crm.behind else None
    if found is None or not found.behind:
        return
    said = "1 recorded event is" if found.behind == 1 else f"{found.behind:,} recorded events are"
    reason = "this store is read-only, and " if crm.read_only else ""
    if found.held_back_by is not None:
        reason = f"{found.held_back_by} holds the rest back, and "
    typer.echo(f"regulars: {reason}{said} not in this list yet", err=True)


def open_to_write(ctx: typer.Context, store: str | None, actor: str | None, currency: str | None) -> Regulars:
    """Open a store; it is made where there is none. Raises StoreUnusable for one in memory, which would be lost."""
    target = store_meant(ctx, store)
    if store_file(target) is None and parse_url(target).get_backend_name() == "sqlite":
        raise StoreUnusable("a store in memory is gone when the command ends; name a file with --db")
    crm = _open(ctx, target, acting(ctx, actor), currency=currency)
    _tell_what_is_stale(crm)
    return crm


def is_missing(ctx: typer.Context, store: str | None) -> bool:
    """Whether a store is a file that isn't there yet."""
    path = store_file(store_meant(ctx, store))
    return path is not None and not path.exists()


def open_to_rehearse(ctx: typer.Context, actor: str | None, currency: str | None) -> Regulars:
    """Open a store in memory, to find out what would come of something where there is no store yet."""
    return regulars.open(":memory:", actor=acting(ctx, actor), currency=currency, extensions=extensions(ctx))


def store_file(target: str) -> Path | None:
    """The file a store lives in; None for one in memory or on a server."""
    url = parse_url(target)
    in_a_file = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
    return Path(url.database or "") if in_a_file else None


def acting(ctx: typer.Context, actor: str | None) -> str:
    """The actor: that of --actor, else the login name."""
    named = actor or given(ctx).actor
    if named:
        try:
            return require_label(named, "an actor")
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--actor") from None
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        return "unknown"
