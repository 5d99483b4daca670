"""The list of commands with their examples, and the options that come before them."""

from __future__ import annotations

import os
from functools import cache, partial
from typing import Annotated

import typer

import regulars
from regulars.cli import (
    asking,
    auditing,
    consents,
    copying,
    desk,
    doing,
    exporting,
    forgetting,
    generations,
    importing,
    keys,
    merging,
    person,
    rebuilding,
    rules,
    seals,
    store,
)
from regulars.cli.extensions import load_extensions
from regulars.cli.opening import DEFAULT_STORE, MASTER_KEY_VARIABLE, Given

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _examples(*lines: str) -> str:
    # \b keeps the lines of a paragraph as they are.
    return "\b\n" + "\n".join(["Examples:" if len(lines) > 1 else "Example:", *(f"  {line}" for line in lines)])


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"regulars {regulars.__version__}")
        raise typer.Exit


@app.callback(
    epilog=_examples(
        "regulars demo",
        "regulars do RegisterCustomer ref=shop:42 name=Ada --currency EUR",
        "regulars customers --becoming at_risk --within 14d",
    )
)
def _before_the_command(
    ctx: typer.Context,
    db: Annotated[
        str, typer.Option(metavar="FILE", envvar="REGULARS_DB", help="The store: a file, or a database URL.")
    ] = DEFAULT_STORE,
    actor: Annotated[
        str | None,
        typer.Option(metavar="NAME", envvar="REGULARS_ACTOR", help="Who acts. Your login name, unless given."),
    ] = None,
    extension: Annotated[
        list[str] | None,
        typer.Option(metavar="MODULE:NAME", help="An extension beside those that are installed. May be repeated."),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Say which.")
    ] = False,
) -> None:
    """A CRM that writes down what happened, and works out where each customer stands and why."""
    source = ctx.get_parameter_source("db")
    ctx.obj = Given(
        store=db,
        actor=actor,
        store_was_typed=source is not None and source.name == "COMMANDLINE",
        load_extensions=cache(partial(load_extensions, tuple(extension or ()))),
        master_key=os.environ.get(MASTER_KEY_VARIABLE),  # no option: what is typed can be seen by others
    )


app.command("demo", epilog=_examples("regulars demo", "regulars demo --db shop.db --seed 7"))(store.demo)
app.command(
    "import",
    epilog=_examples(
        "regulars import orders.csv --mapping orders.toml --dry-run",
        "regulars import orders.csv --mapping orders.toml --currency EUR",
        "regulars import --rejects",
    ),
)(importing.import_file)
app.command(
    "customers",
    epilog=_examples(
        "regulars customers --stage at_risk --order risk",
        "regulars customers --becoming at_risk --within 14d",
        "regulars customers --as-of 1997-09-30 --json",
        "regulars customers --tier gold --known-at 2026-03-01 --rules rules.toml",
    ),
)(asking.customers)
app.command("show", epilog=_examples("regulars show shop:42", "regulars show ada@example.com"))(asking.show)
app.command(
    "explain", epilog=_examples("regulars explain shop:42", "regulars explain shop:42 --as-of 1997-09-30 --rules 1")
)(asking.explain)
app.command("timeline", epilog=_examples("regulars timeline shop:42", "regulars timeline shop:42 --limit 100"))(
    auditing.timeline
)
app.command("history", epilog=_examples("regulars history shop:42 email", "regulars history shop:42 tags"))(
    auditing.history
)
app.command(
    "audit",
    epilog=_examples(
        "regulars audit --actor li --since 2026-11-01",
        "regulars audit --customer shop:42 --oldest-first",
        "regulars audit --type ContactDetailsChanged --csv",
    ),
)(auditing.audit)
app.command(
    "tickets",
    epilog=_examples("regulars tickets --status open", "regulars tickets --breaching-within 4h"),
)(desk.tickets)
app.command("points", epilog=_examples("regulars points shop:42", "regulars points shop:42 --as-of 2026-03-31"))(
    desk.points
)
app.command("consents", epilog=_examples("regulars consents shop:42", "regulars consents shop:42 --as-of 2026-03-31"))(
    consents.consents
)
app.command(
    "contactable",
    epilog=_examples(
        "regulars contactable --channel email --purpose newsletter",
        "regulars contactable --channel email --purpose newsletter --csv > newsletter.csv",
    ),
)(consents.contactable)
app.command("duplicates", epilog=_examples("regulars duplicates", "regulars duplicates --json"))(merging.duplicates)
app.command(
    "do",
    epilog=_examples(
        "regulars do RegisterCustomer ref=shop:42 name=Ada email=ada@example.com",
        "regulars do RecordPurchase customer=shop:42 order_id=A-1 amount=59.90",
        """regulars do RecordPurchase '{"customer": "shop:42", "order_id": "A-2", "amount": 5.90}'""",
    ),
)(doing.do)
app.command("commands", epilog=_examples("regulars commands", "regulars commands RecordPurchase"))(doing.commands)
app.command(
    "export",
    epilog=_examples(
        "regulars export events --jsonl --out events.jsonl",
        "regulars export events --jsonl --personal | gzip > everything.jsonl.gz",
    ),
)(exporting.export)
app.command(
    "export-person",
    epilog=_examples(
        "regulars export-person shop:42",
        "regulars export-person shop:42 --out ada.txt",
        "regulars export-person ada@example.com --json --out ada.json",
    ),
)(person.export_person)
app.command("generations", epilog=_examples("regulars generations", "regulars generations --json"))(
    generations.generations
)
app.command(
    "rebuild",
    epilog=_examples(
        "regulars rebuild", "regulars rebuild --customer shop:42", "regulars rebuild --projection loyalty_tier"
    ),
)(rebuilding.rebuild)
app.command("seal", epilog=_examples("regulars seal", "regulars seal --json"))(seals.seal)
app.command(
    "verify",
    epilog=_examples("regulars verify", "regulars verify --json", 'regulars verify --against "$(cat noted-root.txt)"'),
)(rebuilding.verify)
app.command("prune", epilog=_examples("regulars prune"))(generations.prune)
app.command("status", epilog=_examples("regulars status", "regulars --db shop.db status --json"))(store.status)
app.command("backup", epilog=_examples("regulars backup copy.db", "regulars --db shop.db backup copy.db"))(store.backup)
app.command(
    "copy",
    epilog=_examples(
        "regulars copy shop.db postgresql://li@localhost/shop",
        "regulars copy postgresql://li@localhost/shop shop-copy.db",
    ),
)(copying.copy)
app.command(
    "forget",
    epilog=_examples(
        """regulars forget shop:42 --reason "on request" """.rstrip(), "regulars forget --erased-from forgotten.txt"
    ),
)(forgetting.forget)
app.command("forgotten", epilog=_examples("regulars forgotten > forgotten.txt", "regulars forgotten --json"))(
    forgetting.forgotten
)
app.command(
    "restore",
    epilog=_examples(
        "regulars restore monday.db restored.db --erased-from forgotten.txt",
        "regulars --db shop.db restore monday.db restored.db",
    ),
)(forgetting.restore)
app.command("grants", epilog=_examples("regulars grants dashboard | psql shop", "regulars grants dashboard --json"))(
    store.grants
)
app.command("migrate", epilog=_examples("regulars migrate", "regulars --db shop.db migrate"))(store.migrate)


def _group(name: str, about: str) -> typer.Typer:
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, context_settings=app.info.context_settings)
    app.add_typer(group, name=name, help=about)
    return group


_rules = _group("rules", "Show, compare and publish the rules by which customers are judged.")
_rules.command("show", epilog=_examples("regulars rules show > rules.toml", "regulars rules show --version 1"))(
    rules.show
)
_rules.command("check", epilog=_examples("regulars rules check rules.toml"))(rules.check)
_rules.command(
    "diff", epilog=_examples("regulars rules diff rules.toml", "regulars rules diff rules.toml --as-of 2026-03-01")
)(rules.diff)
_rules.command(
    "publish", epilog=_examples("""regulars rules publish rules.toml --reason "silver from 100, not 150" """.rstrip())
)(rules.publish)
_rules.command("history", epilog=_examples("regulars rules history"))(rules.history)
_rules.command("rollback", epilog=_examples("""regulars rules rollback --reason "too many complained" """.rstrip()))(
    rules.rollback
)

_keys = _group("keys", "Wrap the keys of a store by a master key from outside.")
_keys.command("new", epilog=_examples("regulars keys new > master.key"))(keys.new)
_keys.command(
    "rotate", epilog=_examples("regulars keys rotate --new-key-file master.key", "regulars keys rotate --to-none")
)(keys.rotate)

_generation = _group("generation", "Go back to the generation of read models that answered before.")
_generation.command("rollback", epilog=_examples("regulars generation rollback"))(generations.rollback)
