"""The list of commands with their examples, and the options that come before them.

A command's own module is imported when that command is run: `--help` and `--version` need none.
"""

from __future__ import annotations

import os
from functools import cache, partial
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

import regulars
from regulars.cli.given import DEFAULT_STORE, MASTER_KEY_VARIABLE, Given
from regulars.cli.imported_late import imported_late

if TYPE_CHECKING:
    from regulars.adapters.extensions.extension import Extension

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


def _load_extensions(references: tuple[str, ...]) -> tuple[Extension, ...]:
    from regulars.cli.extensions import load_extensions

    return load_extensions(references)


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
    schema: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            envvar="REGULARS_SCHEMA",
            help="The schema of a PostgreSQL database that has the store. `?schema=NAME` in its URL says the same.",
        ),
    ] = None,
    actor: Annotated[
        str | None,
        typer.Option(metavar="NAME", envvar="REGULARS_ACTOR", help="Who acts. Your login name, unless given."),
    ] = None,
    extension: Annotated[
        list[str] | None,
        typer.Option(metavar="MODULE:NAME", help="An extension beside those that are installed. May be repeated."),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A CRM that writes down what happened, and works out where each customer stands and why."""
    sources = {name: ctx.get_parameter_source(name) for name in ("db", "schema")}
    ctx.obj = Given(
        store=db,
        actor=actor,
        schema=schema,
        typed=frozenset(name for name, source in sources.items() if source and source.name == "COMMANDLINE"),
        load_extensions=cache(partial(_load_extensions, tuple(extension or ()))),
        master_key=os.environ.get(MASTER_KEY_VARIABLE),  # no option: what is typed can be seen by others
    )


def _add(group: typer.Typer, name: str, place: str, about: str, *examples: str) -> None:
    """Add the command that a function of a module of ours is. Its docstring begins with what it is `about`."""
    shown = imported_late(f"regulars.cli.{place}", name, _examples(*examples))
    group.command(name, cls=shown, help=about)(lambda: None)


_add(
    app,
    "demo",
    "store.demo",
    "Walk through two years of a simulated business.",
    "regulars demo",
    "regulars demo --db shop.db --seed 7",
)
_add(
    app,
    "import",
    "importing.import_file",
    "Import files; the store is made if there is none.",
    "regulars import orders.csv --mapping orders.toml --dry-run",
    "regulars import orders.csv --mapping orders.toml --currency EUR",
    "regulars import --rejects",
)
_add(
    app,
    "import-mail",
    "mail.import_mail",
    "Log mail as conversations of the customers whose addresses are in it.",
    "regulars import-mail sent.mbox --mine me@firm.example --dry-run",
    "regulars import-mail inbox.mbox *.eml --mine @firm.example",
)
_add(
    app,
    "customers",
    "asking.customers",
    "List customers by their verdicts, as of any moment.",
    "regulars customers --stage at_risk --order risk",
    "regulars customers --becoming at_risk --within 14d",
    "regulars customers --as-of 1997-09-30 --json",
    "regulars customers --tier gold --known-at 2026-03-01 --rules rules.toml",
)
_add(
    app,
    "tasks",
    "tasks.tasks",
    "List what is to be done, at any moment.",
    "regulars tasks --owner li --until 2026-03-31",
    "regulars tasks --overdue --for shop:42",
    'regulars do AddTask task_id=K-1 what="Order paper" due=2026-03-31 repeats="every month"',
)
_add(
    app,
    "task",
    "tasks.task",
    "Show one task in full.",
    "regulars task K-1",
    "regulars task K-1 --as-of 2026-03-01",
)
_add(
    app,
    "firm",
    "firms.firm",
    "Show a firm: its people, what they bought, and their open tickets.",
    "regulars firm acme",
    "regulars firm acme --as-of 2026-03-31 --known-at 2026-04-15",
)
_add(
    app,
    "segments",
    "segments.segments",
    "List the segments: how many are in each, come in and go out soon.",
    "regulars segments",
    "regulars segments --as-of 2026-03-31 --within 30d",
)
_add(
    app,
    "segment",
    "segments.segment",
    "List who is in a segment, comes in or goes out soon.",
    "regulars segment lapsed --csv",
    "regulars segment lapsed --entering --within 7d",
    "regulars segment lapsed --as-of 2026-03-01 --known-at 2026-03-01",
    "regulars segment lapsed --attrition",
)
_add(
    app,
    "show",
    "asking.show",
    "Show what is good to know of one customer before a call, as of any moment.",
    "regulars show shop:42",
    "regulars show ada@example.com --as-of 2026-03-31",
)
_add(
    app,
    "search",
    "searching.search",
    "Search notes, conversations, comments and messages for a text, the latest first.",
    "regulars search invoice",
    """regulars search "new address" --customer shop:42 --from 2026-01-01""",
)
_add(
    app,
    "explain",
    "asking.explain",
    "Explain the verdicts of one customer, event by event.",
    "regulars explain shop:42",
    "regulars explain shop:42 --as-of 1997-09-30 --rules 1",
)
_add(
    app,
    "timeline",
    "auditing.timeline",
    "Draw one customer's stage, tier, risk, tickets, tasks and selling over time, and list what happened.",
    "regulars timeline shop:42",
    "regulars timeline shop:42 --limit 100",
    "regulars timeline shop:42 --svg ada.svg",
)
_add(
    app,
    "history",
    "auditing.history",
    "Show one field of a customer over time, with who changed it.",
    "regulars history shop:42 email",
    "regulars history shop:42 tags",
)
_add(
    app,
    "audit",
    "auditing.audit",
    "Show what happened: who did what, when and why, and what it changed.",
    "regulars audit --actor li --since 2026-11-01",
    "regulars audit --customer shop:42 --oldest-first",
    "regulars audit --type ContactDetailsChanged --csv",
)
_add(
    app,
    "today",
    "today.today",
    "List what is to be done: overdue first, then by day, with why and how to settle it.",
    "regulars today",
    "regulars today --owner mara --days 14",
    "regulars today --mail --mail-to li@example.com --mail-from shop@example.com | sendmail -t",
)
_add(
    app,
    "due",
    "due.due",
    "List who is due to buy which item again.",
    "regulars due --within 7d",
    "regulars due --item coffee-1kg --csv",
    "regulars due shop:42",
)
_add(
    app,
    "value",
    "value.value",
    "List customers by what they are worth, and what each band of value comes to.",
    "regulars value",
    "regulars value --band high --csv",
    "regulars value --as-of 2026-06-30 --json",
)
_add(
    app,
    "forecast",
    "value.forecast",
    "Forecast who will buy, how often and for how much, by a model that was fitted.",
    "regulars forecast --limit 20",
    "regulars forecast shop:42",
    "regulars forecast --model 1 --as-of 2026-06-30 --csv",
)
_add(
    app,
    "tickets",
    "desk.tickets",
    "List tickets with their clocks, at any moment.",
    "regulars tickets --status open",
    "regulars tickets --breaching-within 4h",
)
_add(
    app,
    "ticket",
    "desk.ticket",
    "Show one ticket in full: its subject, its status and clocks over time, and its events.",
    "regulars ticket T-1",
    "regulars ticket T-1 --as-of 2026-03-31 --json",
)
_add(
    app,
    "quotes",
    "quotes.quotes",
    "List quotes with what they come to, as of any moment.",
    "regulars quotes --expiring-within 14d",
    "regulars quotes --status accepted --as-of 2026-03-31 --csv",
)
_add(
    app,
    "contracts",
    "quotes.contracts",
    "List contracts as of any moment: until when each goes, and by when notice is given.",
    "regulars contracts --ending-within 90d",
    "regulars contracts --customer shop:42 --json",
)
_add(
    app,
    "opportunity",
    "opportunities.opportunity",
    "Show one opportunity in full: where it stands and why, its stages over time, and its events.",
    "regulars opportunity O-1",
    "regulars opportunity O-1 --as-of 2026-03-31 --json",
)
_add(
    app,
    "leads",
    "opportunities.leads",
    "Show what became of leads: how many were qualified, had an opportunity opened, and won one.",
    "regulars leads --by source",
    "regulars leads --by month --since 2026-01-01 --json",
)
_add(
    app,
    "service",
    "service.service",
    "Show whether tickets were in time, and how many are open.",
    "regulars service --by month --since 2026-01-01",
    "regulars service --by agent --as-of 2026-03-31 --csv",
    "regulars service --by month --svg service.svg",
)
_add(
    app,
    "satisfaction",
    "satisfaction.satisfaction",
    "Show how content the customers are: NPS, CSAT, who answers and who complains.",
    "regulars satisfaction",
    "regulars satisfaction --since 2026-01-01 --until 2026-06-30 --by tier",
    "regulars satisfaction --as-of 2026-03-31 --by agent --json",
    "regulars satisfaction --by tier --svg satisfaction.svg",
)
_add(
    app,
    "points",
    "desk.points",
    "Show a member's points: what can be spent, what is pending, and what expires when.",
    "regulars points shop:42",
    "regulars points shop:42 --as-of 2026-03-31",
)
_add(
    app,
    "trend",
    "measures.trend",
    "Show how many had which value at the end of each month, the future that is due included.",
    "regulars trend stage",
    "regulars trend tier --by week --where source=friend",
    "regulars trend stage --since 2025-01-01 --until 2026-12-31 --svg stages.svg",
)
_add(
    app,
    "flow",
    "measures.flow",
    "Show how many customers went from which verdict to which between two days; with --list, who.",
    "regulars flow 2026-01-31 2026-06-30 stage",
    "regulars flow 2026-01-31 2026-06-30 stage --list active:at_risk",
)
_add(
    app,
    "reminders",
    "reminders.reminders",
    "List whom to call and why, by the rules' [[care]]: what is overdue first, then by day.",
    "regulars reminders",
    "regulars reminders --to 2026-12-31 --owner li",
    "regulars do SettleReminder customer=shop:42 care=anniversary day=2026-05-01 how=done",
)
_add(
    app,
    "calendar",
    "reminders.calendar",
    "Write what is due as a calendar file that Google, Apple and Outlook read.",
    "regulars calendar --out shop.ics",
    "regulars calendar --out shop.ics --force --without-names --to 2026-12-31",
)
_add(
    app,
    "cohorts",
    "measures.cohorts",
    "Show retention: of those who first ordered in a month, how many ordered in each month since.",
    "regulars cohorts",
    "regulars cohorts --where source=newsletter --csv",
)
_add(
    app,
    "rfm",
    "measures.rfm",
    "Show who bought how recently, how often and for how much: customers and net spend by bands.",
    "regulars rfm",
    "regulars rfm --as-of 2025-12-31 --recency 60,365 --frequency 1,2,10",
)
_add(
    app,
    "revenue",
    "measures.revenue",
    "Show revenue by month, of new customers and of returning ones: by how much their net spend grew.",
    "regulars revenue",
    "regulars revenue --by week --since 2026-09-01 --json",
)
_add(
    app,
    "liability",
    "measures.liability",
    "Show the points of all members at the end of each month, and what expires if nobody earns or spends.",
    "regulars liability",
    "regulars liability --until 2027-12-31 --svg points.svg",
    "regulars liability --expiring 30d",
)
_add(
    app,
    "report",
    "report.report",
    "Write a month as one page: what happened, against the month and the year before; whom to call; what is due.",
    "regulars report --out report.html",
    """regulars report --month 2026-10 --personal --out october.html""",
)
_add(
    app,
    "consents",
    "consents.consents",
    "Show one customer's consents, with every grant and withdrawal.",
    "regulars consents shop:42",
    "regulars consents shop:42 --as-of 2026-03-31",
)
_add(
    app,
    "contactable",
    "consents.contactable",
    "List the customers who may be contacted on a channel for a purpose.",
    "regulars contactable --channel email --purpose newsletter",
    "regulars contactable --channel email --purpose newsletter --csv > newsletter.csv",
    "regulars contactable --channel sms --purpose offers --csv --raw > sms.csv",
)
_add(
    app,
    "duplicates",
    "merging.duplicates",
    "List customers who may be the same person, because they share an e-mail or a phone number.",
    "regulars duplicates",
    "regulars duplicates --near --json",
    "regulars duplicates --dismissed",
)
_add(
    app,
    "dismiss",
    "merging.dismiss",
    "Say that two customers are not the same, so that they are suspected no more.",
    "regulars dismiss shop:1 shop:2",
    'regulars dismiss shop:1 shop:2 --reason "father and son"',
    "regulars dismiss --undo shop:1 shop:2",
)
_add(
    app,
    "merge",
    "merging.merge",
    "Merge customers who share an e-mail or a phone number into the one of them who was registered first.",
    "regulars merge --suspected",
    "regulars merge --suspected --yes --json",
)
_add(
    app,
    "deliver",
    "hooks.deliver",
    "Post to the hooks what changed, in each customer's order, until their receivers take it.",
    "regulars deliver",
    "regulars deliver --once",
)
_add(
    app,
    "do",
    "doing.do",
    "Record what happened; the store is made if there is none.",
    "regulars do RegisterCustomer ref=shop:42 name=Ada email=ada@example.com",
    "regulars do RecordPurchase customer=shop:42 order_id=A-1 amount=59.90",
    """regulars do RecordPurchase '{"customer": "shop:42", "order_id": "A-2", "amount": 5.90}'""",
)
_add(
    app,
    "commands",
    "doing.commands",
    "List what can be recorded: every command with its fields.",
    "regulars commands",
    "regulars commands RecordPurchase",
)
_add(
    app,
    "export-person",
    "person.export_person",
    "Print all data held about one person, decrypted, as a page for them to read.",
    "regulars export-person shop:42",
    "regulars export-person shop:42 --out ada.txt",
    "regulars export-person ada@example.com --json --out ada.json",
)
_add(
    app,
    "generations",
    "generations.generations",
    "List the generations of read models that are kept, which of them answers, and what each is made of.",
    "regulars generations",
    "regulars generations --json",
)
_add(
    app,
    "rebuild",
    "rebuilding.rebuild",
    "Replay the log into new read models beside the live ones, and switch to them once they are checked.",
    "regulars rebuild",
    "regulars rebuild --customer shop:42",
    "regulars rebuild --projection loyalty_tier",
    "regulars rebuild --spark spark://head:7077 --archive /srv/archive",
)
_add(
    app,
    "seal",
    "seals.seal",
    "Seal what was recorded since the last seal, so that `regulars verify` detects a later change.",
    "regulars seal",
    "regulars seal --json",
)
_add(
    app,
    "verify",
    "rebuilding.verify",
    "Compare the log with its seals, and everything derived from it with the log; nothing is changed.",
    "regulars verify",
    "regulars verify --json",
    'regulars verify --against "$(cat noted-root.txt)"',
)
_add(
    app,
    "prune",
    "generations.prune",
    "Drop every generation of read models but the live and the previous one.",
    "regulars prune",
)
_add(
    app,
    "status",
    "store.status",
    "Show the store's health, and how many customers have each verdict.",
    "regulars status",
    "regulars --db shop.db status --json",
)
_add(
    app,
    "backup",
    "store.backup",
    "Copy the store to a new file, as of one moment and while others write.",
    "regulars backup copy.db",
    "regulars --db shop.db backup copy.db",
)
_add(
    app,
    "archive",
    "archiving.archive",
    "Add what was recorded since the last run to an archive of Parquet files.",
    "regulars archive /srv/archive",
    "regulars archive /srv/archive --partitions 64",
)
_add(
    app,
    "copy",
    "copying.copy",
    "Copy a store to another database: from SQLite to PostgreSQL, back, or to the same kind.",
    "regulars copy shop.db postgresql://li@localhost/shop",
    "regulars copy postgresql://li@localhost/shop shop-copy.db",
)
_add(
    app,
    "forget",
    "forgetting.forget",
    "Forget a customer's personal data. It can't be undone; counts and verdicts stay.",
    """regulars forget shop:42 --reason "on request" """.rstrip(),
    "regulars forget --erased-from forgotten.txt",
)
_add(
    app,
    "forgotten",
    "forgetting.forgotten",
    "List who was forgotten: id, event, day and why. Keep the list with the backups.",
    "regulars forgotten > forgotten.txt",
    "regulars forgotten --json",
)
_add(
    app,
    "restore",
    "forgetting.restore",
    "Restore a backup to a new file, check it, and forget again those who were forgotten since.",
    "regulars restore monday.db restored.db --erased-from forgotten.txt",
    "regulars --db shop.db restore monday.db restored.db",
    "regulars restore monday.db restored.db --from-archive /srv/archive --erased-from forgotten.txt",
)
_add(
    app,
    "grants",
    "store.grants",
    "Print the SQL that lets a PostgreSQL role read the views, and nothing personal.",
    "regulars grants dashboard | psql shop",
    "regulars grants dashboard --json",
)
_add(
    app,
    "migrate",
    "store.migrate",
    "Migrate a store of an older version, as opening it to write would.",
    "regulars migrate",
    "regulars --db shop.db migrate",
)


def _group(name: str, about: str) -> typer.Typer:
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, context_settings=app.info.context_settings)
    app.add_typer(group, name=name, help=about)
    return group


_quote = _group("quote", "Show a quote, or write it as a page to send.")
_add(
    _quote,
    "show",
    "quotes.show",
    "Show one quote in full: its lines, its tax by rate, its revisions and its events; or as a page to send.",
    "regulars quote show Q-1",
    "regulars quote show Q-1 --html --business 'Tea House' --out Q-1.html",
    "regulars quote show Q-1 --revision 1 --json",
)

_contract = _group("contract", "Show a contract.")
_add(
    _contract,
    "show",
    "contract.show",
    "Show one contract in full: where it stands, what was signed, and its events.",
    "regulars contract show K-1",
    "regulars contract show K-1 --as-of 2026-03-31 --json",
)


_coupon = _group("coupon", "See what became of coupons, and whose codes are whose; `do CreateCoupon` makes one.")
_add(
    _coupon,
    "list",
    "coupons.listing",
    "List coupons as of any day: what was redeemed, what is outstanding, and what that may cost at most.",
    "regulars coupon list",
    "regulars coupon list --status valid --as-of 2026-03-31 --csv",
)
_add(
    _coupon,
    "show",
    "coupons.show",
    "Show one coupon in full: what it takes off, its limits, and the orders that redeemed it.",
    "regulars coupon show SUMMER10",
    "regulars coupon show SUMMER10 --as-of 2026-03-31 --json",
)
_add(
    _coupon,
    "codes",
    "coupons.codes",
    "Show the personal coupon codes of a customer, and for how many orders each is still good.",
    "regulars coupon codes shop:42",
    "regulars coupon codes shop:42 --json",
)


class _Shows(TyperGroup):
    """A group that does what its command `show` does where no other one is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        names_none = not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names)
        return super().parse_args(ctx, ["show", *args] if names_none else args)


_pipeline = typer.Typer(cls=_Shows, rich_markup_mode=None, context_settings=app.info.context_settings)
app.add_typer(
    _pipeline,
    name="pipeline",
    help="Show what is open, how that came about, and what it may bring. Without a command it is `pipeline show`, and "
    "takes its options.",
    epilog=_examples(
        "regulars pipeline", "regulars pipeline --by owner", "regulars pipeline waterfall 2026-01-31 2026-03-31"
    ),
)
_add(
    _pipeline,
    "show",
    "pipeline.show",
    "Show the open opportunities: how many, worth how much, and what they are expected to bring.",
    "regulars pipeline show --by owner --as-of 2026-03-31 --known-at 2026-03-31",
    "regulars pipeline",
)
_add(
    _pipeline,
    "waterfall",
    "pipeline.waterfall",
    "Show how what was open on one day became what is open on another: new, grown, won, lost and the rest.",
    "regulars pipeline waterfall 2026-01-31 2026-03-31",
    "regulars pipeline waterfall 2026-01-31 2026-03-31 --where owner=li --svg quarter.svg",
)
_add(
    _pipeline,
    "stages",
    "pipeline.stages",
    "Show how long opportunities stay in each stage, and where they go from there.",
    "regulars pipeline stages",
)
_add(
    _pipeline,
    "stale",
    "pipeline.stale",
    "List the opportunities to which nothing happened for too long, those that are worth most first.",
    "regulars pipeline stale --where owner=li",
)
_add(
    _pipeline,
    "forecast",
    "pipeline.forecast",
    "Show what is open is expected to bring: by the probabilities of the rules, and by own history.",
    "regulars pipeline forecast",
    "regulars pipeline forecast --month --csv",
)
_add(
    _pipeline,
    "calibration",
    "pipeline.calibration",
    "Show whether forecasts came true: those of the eve of each month, as known on it, by the rules then in force.",
    "regulars pipeline calibration",
    "regulars pipeline calibration --since 2025-01-01 --until 2025-12-31 --svg calibration.svg",
)


_rewards = _group("rewards", "What customers get for what they buy.")
_add(
    _rewards,
    "forecast",
    "rewards.forecast",
    "Show what an order would bring a customer now: points, bonus points, the tier, and what coupons would take off.",
    "regulars rewards forecast shop:42 --amount 59.90",
    "regulars rewards forecast shop:42 --amount 59.90 --sku tea-100=24.90 --json",
    "regulars rewards forecast shop:42 --amount 59.90 --coupon SUMMER10",
)


_export = _group("export", "Take events elsewhere, or reports that need no key.")
_add(
    _export,
    "events",
    "exporting.events",
    "Print every event with its envelope, in the order they were recorded.",
    "regulars export events --jsonl --out events.jsonl",
    "regulars export events --jsonl --personal | gzip > everything.jsonl.gz",
)
_add(
    _export,
    "reports",
    "exporting.reports",
    "Write what happened and where everybody stands as tables, for other tools.",
    "regulars export reports --sqlite reports.db",
    "regulars export reports --parquet reports --personal --force",
)

_rules = _group("rules", "Show, compare and publish the rules by which customers are judged.")
_add(
    _rules,
    "show",
    "rules.show",
    "Print the rules in force as the TOML file that the other commands take.",
    "regulars rules show > rules.toml",
    "regulars rules show --version 1",
)
_add(
    _rules,
    "check",
    "rules.check",
    "Check a file of rules, and name every key that is wrong.",
    "regulars rules check rules.toml",
)
_add(
    _rules,
    "holidays",
    "holidays.holidays",
    "Write the holidays of a region in some years as a part of the rules.",
    "regulars rules holidays DE-BY 2027",
    "regulars rules holidays DE-BY 2027 2028 --into rules.toml",
)
_add(
    _rules,
    "diff",
    "rules.diff",
    "Preview other rules: who would move, from what to what, why, and what they are worth.",
    "regulars rules diff rules.toml",
    "regulars rules diff rules.toml --as-of 2026-03-01",
)
_add(
    _rules,
    "measure",
    "due.measure",
    "Draft a table of the rules from what happened, as TOML to be read, edited and added to the rules.",
    "regulars rules measure due_again",
    "regulars rules measure due_again --min-buyers 50 >> rules.toml",
)
_add(
    _rules,
    "publish",
    "rules.publish",
    "Put other rules in force. Everyone is judged by them first, and then all answers change at once.",
    """regulars rules publish rules.toml --reason "silver from 100, not 150" """.rstrip(),
)
_add(
    _rules,
    "history",
    "rules.history",
    "List all versions of the rules, the latest last, with who published them and why.",
    "regulars rules history",
)
_add(
    _rules,
    "rollback",
    "rules.rollback",
    "Put the previous rules in force again. The history records it like any other change.",
    """regulars rules rollback --reason "too many complained" """.rstrip(),
)

_survey = _group("survey", "Ask whom to send a survey, and see what one customer answered.")
_add(
    _survey,
    "may-ask",
    "satisfaction.may_ask",
    "Say whether a customer may be sent a survey by the rules; it ends with 1 where they may not.",
    "regulars survey may-ask shop:42",
    "regulars survey may-ask shop:42 --as-of 2026-03-31 --json",
)
_add(
    _survey,
    "show",
    "satisfaction.show",
    "Show what one customer said last, with the events behind it, and which surveys they got.",
    "regulars survey show shop:42",
    "regulars survey show shop:42 --as-of 2026-03-31",
)

_assessments = _group("assessments", "Compare what models made of the texts of customers.")
_add(
    _assessments,
    "diff",
    "satisfaction.diff",
    "Compare what two versions of a model made of the same texts.",
    "regulars assessments diff 3 4",
    "regulars assessments diff 3 4 --kind sentiment --json",
)
_model = _group("model", "Fit models of value to what all customers bought, and show them.")
_add(
    _model,
    "fit",
    "models.fit",
    "Fit a model to what all customers bought, and record it for forecasts.",
    "regulars model fit",
    "regulars model fit --horizon 26w --as-of 2026-06-30",
)
_add(
    _model,
    "show",
    "models.show",
    "Show a model that was fitted, and how it did on a held-out tail of the history.",
    "regulars model show",
    "regulars model show 1 --json",
)
_add(
    _model,
    "list",
    "models.history",
    "List all models that were fitted, the latest last.",
    "regulars model list",
)

_campaign = _group("campaign", "Launch campaigns, send them and see their effect; `do PlanCampaign` plans one.")
_add(
    _campaign,
    "list",
    "campaigns.history",
    "List the campaigns, in order of planning.",
    "regulars campaign list",
    "regulars campaign list --as-of 2026-06-30 --json",
)
_add(
    _campaign,
    "show",
    "campaigns.show",
    "Show one campaign: its plan, what its launch settled, how its offers stand, and its events.",
    "regulars campaign show spring",
    "regulars campaign show spring --as-of 2026-06-30 --json",
)
_add(
    _campaign,
    "preview",
    "campaigns.preview",
    "Say what a campaign would be: who is in it, who isn't and why, and what it could show.",
    "regulars campaign preview spring",
    "regulars campaign preview spring --as-of 2026-03-01",
    "regulars campaign preview spring --explain shop:42",
)
_add(
    _campaign,
    "launch",
    "campaigns.launch",
    "Launch a campaign: draw who gets the offer and who is held out, for good. Nothing is sent.",
    "regulars campaign launch spring",
)
_add(
    _campaign,
    "who",
    "campaigns.who",
    "List what became of the customers of a campaign: their arm, and how far the offer came.",
    "regulars campaign who spring",
    "regulars campaign who spring --arm held_out --csv",
    "regulars campaign who spring --state bounced --as-of 2026-06-30",
)
_add(
    _campaign,
    "effect",
    "campaign_effect.effect",
    "Say what a campaign did: the treated beside those held out, once its decision day is over.",
    "regulars campaign effect spring",
    "regulars campaign effect --all --kind offer",
    "regulars campaign effect spring --svg effect.svg",
)
_add(
    _campaign,
    "offers",
    "sending.offers",
    "List what is to be sent of a campaign, with addresses and texts, or what is in doubt.",
    "regulars campaign offers spring --csv",
    "regulars campaign offers spring --in-doubt",
)
_add(
    _campaign,
    "send",
    "sending.send",
    "Send the offers of a campaign by mail, each at most once.",
    "regulars campaign send spring --smtp mail.example.com --user li --from li@example.com",
)
_add(
    _campaign,
    "bounces",
    "sending.bounces",
    "Record what came back of offers by mail: those that bounced, and who unsubscribed.",
    "regulars campaign bounces returned.mbox",
)

_hooks = _group("hooks", "Post what changes to addresses outside: webhooks.")
_add(
    _hooks,
    "add",
    "hooks.add",
    "Add an address that changes are posted to, from now on, by `regulars deliver`.",
    "regulars hooks add https://shop.example/hooks --kinds tier,fell_due",
    "regulars hooks add https://shop.example/hooks --kinds recorded:PurchaseRecorded --personal",
    "regulars hooks add http://localhost:8000/ --allow-local --secret secret.txt",
)
_add(
    _hooks,
    "list",
    "hooks.list_all",
    "List the hooks: where each posts to, what waits, what was given up, and whether it is on.",
    "regulars hooks list",
)
_add(
    _hooks,
    "drop",
    "hooks.drop",
    "Delete a hook, with what it still had to post.",
    "regulars hooks drop 0f3a9c2b71de",
)
_add(
    _hooks,
    "dead",
    "hooks.dead",
    "List the changes that were given up after ten attempts, the oldest first.",
    "regulars hooks dead",
    "regulars hooks dead 0f3a9c2b71de --json",
)
_add(
    _hooks,
    "replay",
    "hooks.replay",
    "Try everything that waits or was given up afresh, and switch the hook on where it is off.",
    "regulars hooks replay 0f3a9c2b71de",
    "regulars hooks replay 0f3a9c2b71de --since 2026-03-01",
)


_keys = _group("keys", "Wrap the keys of a store with a master key from outside.")
_add(
    _keys,
    "new",
    "keys.new",
    "Print a random master key. Keep it where the store and its backups are not.",
    "regulars keys new > master.key",
)
_add(
    _keys,
    "rotate",
    "keys.rotate",
    "Wrap the store's keys with another master key: the first one, or in place of the current one.",
    "regulars keys rotate --new-key-file master.key",
    "regulars keys rotate --to-none",
)

_generation = _group("generation", "Go back to the generation of read models that answered before.")
_add(
    _generation,
    "rollback",
    "generations.rollback",
    "Make the previous generation live again, where it was judged by the same rules.",
    "regulars generation rollback",
)

_tokens = _group("tokens", "Say who may speak to the store over HTTP.")
_add(
    _tokens,
    "new",
    "tokens.new",
    "Make a token, and print it this once: the store keeps a digest of it alone.",
    "regulars tokens new shop --role clerk > shop.token",
    "regulars tokens new dashboard --role reader --json",
)
_add(
    _tokens,
    "list",
    "tokens.show",
    "List the tokens in force, without what they are.",
    "regulars tokens list",
)
_add(
    _tokens,
    "revoke",
    "tokens.revoke",
    "Take a token back, at once and in every process that serves the store.",
    "regulars tokens revoke shop",
    "regulars tokens revoke --all",
)

_add(
    app,
    "serve",
    "serve.serve",
    "Serve the console, to be used in a browser, and the HTTP API.",
    "regulars serve --open",
    "regulars serve --public-url https://crm.example.com",
)

_add(
    app,
    "mcp",
    "assistants.mcp",
    "Answer an assistant's questions, read-only, by the Model Context Protocol.",
    "regulars mcp --tools",
    "regulars mcp --db shop.db",
    "regulars mcp --db shop.db --personal",
)

_users = _group("users", "Say who may sign in to the console.")
_add(
    _users,
    "add",
    "users.add",
    "Add a user of the console; the password is asked for.",
    "regulars users add mara --role clerk",
    "pass show crm/mara | regulars users add mara --role clerk",
)
_add(
    _users,
    "list",
    "users.show",
    "List the users of the console.",
    "regulars users list",
    "regulars users list --json",
)
_add(
    _users,
    "password",
    "users.password",
    "Give a user another password, and sign them out everywhere.",
    "regulars users password mara",
)
_add(
    _users,
    "role",
    "users.role",
    "Give a user another role, and sign them out everywhere.",
    "regulars users role mara --role owner",
)
_add(
    _users,
    "disable",
    "users.disable",
    "Keep a user out from now on, signed in or not.",
    "regulars users disable mara",
)
_add(
    _users,
    "enable",
    "users.enable",
    "Let a user in again who was disabled.",
    "regulars users enable mara",
)

_changes = _group("changes", "Tell programs what changed: subscriptions to the change feed, and what they are told.")
_add(
    _changes,
    "list",
    "changes.list_all",
    "List the subscriptions: what each wants, up to when it was told, and how many batches wait.",
    "regulars changes list",
)
_add(
    _changes,
    "read",
    "changes.read",
    "Print what a subscription is told; it is made where there is none of the name.",
    "regulars changes read mailer --kinds tier,fell_due --json --ack",
    "regulars changes read mailer --since 12",
)
_add(
    _changes,
    "accept-clock",
    "changes.accept_clock",
    "Take the time it is by the clock for right, where it is over 7 days later than what was told.",
    "regulars changes accept-clock mailer",
)
_add(
    _changes,
    "drop",
    "changes.drop",
    "Drop a subscription, with the batches that wait or are kept.",
    "regulars changes drop mailer",
)
