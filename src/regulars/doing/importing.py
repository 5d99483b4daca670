"""Importing a file: its rows become commands, some thousands of them in each transaction.

A row is taken whole or not at all. What is refused goes to quarantine and the rest goes on.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from time import monotonic

from msgspec import Struct

from regulars.adapters.extensions.extension import Extension
from regulars.adapters.extensions.registry import registry_of
from regulars.adapters.garbage_collection import collecting_seldom
from regulars.adapters.importing import Mapping, Row, parse_mapping, propose, rows, total_bytes
from regulars.adapters.importing import load_mapping as read_mapping
from regulars.adapters.importing.mapping import Details
from regulars.adapters.importing.source import STANDARD_INPUT
from regulars.adapters.indexes.look_ups import LOOKUP_KINDS
from regulars.adapters.store.store import Store
from regulars.adapters.store.transaction import Transaction
from regulars.adapters.tracing import span
from regulars.adapters.vault.quarantine import Reject
from regulars.crm_domain.catalogue import Catalogue, address
from regulars.crm_domain.command import Command
from regulars.crm_domain.customer import RegisterCustomer
from regulars.crm_domain.errors import NotFound, Rejected
from regulars.doing.execution import Execution
from regulars.doing.matching import Matching
from regulars.doing.reasons import MAX_KINDS, kind_of
from regulars.doing.transacting import Transacting, Work
from regulars.session.session import Session

ROWS_PER_TRANSACTION = 2_000
CHARACTERS_PER_TRANSACTION = 8_000_000  # so that long rows take no more memory than many
TOLD_AGAIN = 20_000  # rows that were refused are kept in memory, to tell them again when all others are told
REJECTS_SHOWN = 1_000
ROWS_SHOWN = 3  # of a file that is looked at before it is imported

#: (bytes read, bytes there are or None, rows taken or refused so far)
ImportProgress = Callable[[int, int | None, int], None]
#: It does some work in one transaction, again from the beginning where another writer was quicker.
Transact = Callable[[Work], None]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did: `events` recorded, rows that changed nothing, and the first 1,000 rejects and notices.

    `notices` are sentences on what was left out of rows that were taken, such as a phone number that is none. `reasons`
    are kinds of refusals, each with its number of rows, the most frequent first.
    """

    rows: int
    events: int
    unchanged: int
    rejected: int
    rejects: tuple[Reject, ...]
    dry_run: bool
    notices: tuple[str, ...] = ()
    reasons: tuple[tuple[str, int], ...] = ()


class RecognisedRow(Struct, frozen=True, kw_only=True):
    """A row as it would be taken: the line it begins at, and its commands, or a sentence on why there are none."""

    line: int
    commands: tuple[Command, ...]
    problem: str | None


class Recognised(Struct, frozen=True, kw_only=True):
    """What a file may be: a `mapping` for it, its `text` in TOML, and the first rows as they would be taken.

    `of` is what the file looks like, such as "orders of Shopify", where a mapping that comes with the package fits it;
    None where one was drafted from the file's header, or given.
    """

    text: str
    mapping: Mapping
    of: str | None
    first: tuple[RecognisedRow, ...]


@dataclass(slots=True)
class _Tally:
    rows: int = 0
    events: int = 0
    unchanged: int = 0
    rejects: list[Reject] = field(default_factory=list)
    rejected: int = 0
    notices: list[str] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, batch: _Batch) -> None:
        self.rows += batch.rows
        self.events += batch.events
        self.unchanged += batch.unchanged
        self.rejected += len(batch.rejects)
        self.rejects += batch.rejects[: REJECTS_SHOWN - len(self.rejects)]
        self.notices += batch.notices[: REJECTS_SHOWN - len(self.notices)]
        for each in batch.rejects:
            kind = kind_of(each.reason)
            self.reasons[kind if kind in self.reasons or len(self.reasons) < MAX_KINDS else "other reasons"] += 1


@dataclass(frozen=True, slots=True)
class _Batch:
    """`refused` are the rows that may be taken when they are told again, when more is known, with their rejects."""

    rows: int
    events: int
    unchanged: int
    rejects: list[Reject]
    refused: list[tuple[Row, Reject]]
    notices: list[str]


def together(reports: Sequence[ImportReport]) -> ImportReport:
    """What the imports of several files did, as that of one."""
    reasons: Counter[str] = Counter()
    for each in reports:
        reasons.update(dict(each.reasons))
    return ImportReport(
        rows=sum(each.rows for each in reports),
        events=sum(each.events for each in reports),
        unchanged=sum(each.unchanged for each in reports),
        rejected=sum(each.rejected for each in reports),
        rejects=tuple(reject for each in reports for reject in each.rejects)[:REJECTS_SHOWN],
        dry_run=any(each.dry_run for each in reports),
        notices=tuple(notice for each in reports for notice in each.notices)[:REJECTS_SHOWN],
        reasons=tuple(reasons.most_common()),
    )


def load_mapping(path: str | os.PathLike[str], *, extensions: tuple[Extension, ...] = ()) -> Mapping:
    """Read a mapping from a TOML file, to our commands and those of extensions.

    Raises InvalidMapping with one message that names each key, what was found and what is allowed.
    """
    return read_mapping(Path(path), registry_of(extensions).catalogue)


def recognise(session: Session, path: str | os.PathLike[str], text: str | None) -> Recognised:
    """What a file may be, by a mapping in TOML or by what is found. Raises NotFound, InvalidMapping."""
    store, file = session.store, Path(path)
    catalogue = store.registry.catalogue
    if text is None:
        proposal = propose(file, catalogue)
        text, mapping = proposal.text, proposal.mapping
        of = None if proposal.preset is None else proposal.preset.of
    else:
        mapping, of = parse_mapping(text, catalogue), None
    with closing(rows(file, mapping, catalogue, partial(store.keyed, "import"))) as found:
        first = tuple(
            RecognisedRow(line=row.line, commands=row.commands, problem=row.problem)
            for row in islice(found, ROWS_SHOWN)
        )
    return Recognised(text=text, mapping=mapping, of=of, first=first)


@collecting_seldom()
def import_file(
    session: Session,
    transacting: Transacting,
    path: str | os.PathLike[str],
    mapping: Mapping | str | os.PathLike[str],
    *,
    dry_run: bool,
    known_as: str | None = None,
    on_progress: ImportProgress | None,
) -> ImportReport:
    """Import a file, folding in as it goes; a dry run does everything in one transaction and takes it back.

    Raises NotFound for a missing file, InvalidMapping where the mapping breaks its grammar or doesn't fit the file.
    """
    store, file = session.store, Path(path)
    if not isinstance(mapping, Mapping):
        mapping = read_mapping(Path(mapping), store.registry.catalogue)
    if dry_run:
        with store.rehearsing() as tx:
            return import_rows(
                store,
                partial(transacting.within, tx),
                file,
                mapping,
                dry_run=True,
                known_as=known_as,
                on_progress=on_progress,
            )
    with span(store, "import"):
        return import_rows(
            store,
            transacting.transact,
            file,
            mapping,
            dry_run=False,
            known_as=known_as,
            on_progress=on_progress,
            on_recorded=session.fold_beside,
        )


def import_rows(
    store: Store,
    transact: Transact,
    path: Path,
    mapping: Mapping,
    *,
    dry_run: bool,
    known_as: str | None = None,
    on_progress: ImportProgress | None,
    on_recorded: Callable[[float], None] | None = None,
) -> ImportReport:
    """Import one file. `on_recorded` is called after each transaction with the seconds that it took.

    Raises NotFound for a missing file, InvalidMapping where the mapping doesn't fit it.
    """
    catalogue, said = store.registry.catalogue, _Said(path, mapping.details, store.registry.catalogue, known_as)
    total, tally, read = total_bytes(path), _Tally(), 0

    def note(done: int) -> None:
        nonlocal read
        read = done
        if on_progress:
            on_progress(done, total, tally.rows)

    def take(batch: list[Row]) -> _Batch:
        began = monotonic()
        taken = _take(transact, said, batch, keep=TOLD_AGAIN - len(refused))
        tally.add(taken)
        note(read)
        if on_recorded:
            on_recorded(monotonic() - began)
        return taken

    refused: list[tuple[Row, Reject]] = []
    # Where it ends early, what it holds is let go of here and now, in the thread that opened it.
    with closing(rows(path, mapping, catalogue, partial(store.keyed, "import"), note, tally.notices.append)) as stream:
        batch = _next_of(stream)  # a file that can't be read leaves no trace
        if not dry_run:
            # Older versions kept what they refused by the file's name alone.
            transact(lambda tx, _: tx.quarantine.clear(said.file, path.name))
        while batch:
            refused += take(batch).refused
            batch = _next_of(stream)
    left = len(refused) + 1
    while refused and len(refused) < left:
        again, left, refused = iter([row for row, _ in refused]), len(refused), []
        while some := _next_of(again):
            refused += take(some).refused
    _keep(transact, said, tally, [reject for _, reject in refused])
    return ImportReport(
        rows=tally.rows,
        events=tally.events,
        unchanged=tally.unchanged,
        rejected=tally.rejected,
        rejects=tuple(sorted(tally.rejects, key=lambda reject: reject.line)),
        dry_run=dry_run,
        notices=tuple(tally.notices),
        reasons=tuple(tally.reasons.most_common()),
    )


def _next_of(stream: Iterator[Row]) -> list[Row]:
    """The next rows for one transaction."""
    batch: list[Row] = []
    characters = 0
    for row in islice(stream, ROWS_PER_TRANSACTION):
        batch.append(row)
        characters += len(row.text)
        if characters > CHARACTERS_PER_TRANSACTION:
            break
    return batch


class _Said(Struct, frozen=True):
    """What is said of a file: its path, which details of known customers count, the commands that there are, and what
    it is known as, where that isn't its path.
    """

    path: Path
    details: Details | None
    catalogue: Catalogue
    known_as: str | None

    @property
    def file(self) -> str:
        """What tells the file from others of the same name."""
        if self.known_as is not None:
            return self.known_as
        return self.path.name if str(self.path) == STANDARD_INPUT else str(self.path.resolve())


def _take(transact: Transact, said: _Said, batch: list[Row], keep: int) -> _Batch:
    """Carry out some rows in one transaction; at most `keep` of those that are refused are to be told again."""
    done: list[_Batch] = []

    def work(tx: Transaction, execution: Execution) -> None:
        taken = _carry_out(said, batch, execution, Matching(tx, execution), keep)
        taken.notices.extend(notice for each in execution.finish() for notice in each.notices)
        tx.quarantine.keep(said.file, taken.rejects)
        done.append(taken)

    transact(work)
    return done[-1]


def _keep(transact: Transact, said: _Said, tally: _Tally, rejects: list[Reject]) -> None:
    """Keep the rows that were refused to the end."""
    if rejects:
        transact(lambda tx, _: tx.quarantine.keep(said.file, rejects))
        tally.add(_Batch(rows=len(rejects), events=0, unchanged=0, rejects=rejects, refused=[], notices=[]))


def _carry_out(said: _Said, batch: Iterable[Row], execution: Execution, matching: Matching, keep: int) -> _Batch:
    execution.prepare(command for row in batch for command in row.commands)
    rejects: list[Reject] = []
    refused: list[tuple[Row, Reject]] = []
    notices: list[str] = []
    count, unchanged = 0, 0
    for each in batch:
        row = matching.matched(each)
        before = execution.decided
        problem = row.problem or _refusal(row, said, execution)
        if problem is None:
            unchanged += execution.decided == before
            matching.note(row)
            notices += (f"line {row.line}: {notice}" for notice in row.notices)
        else:
            told = row.commands if row.customer is None else (row.customer,)
            named = tuple(sorted(_named_in(told, said.catalogue)))
            reject = Reject(
                source=said.path.name,
                line=row.line,
                reason=problem,
                text=row.text,
                speaks_of=named,
                is_guess=row.is_guess,
            )
            if row.problem is None and len(refused) < keep:
                refused.append((each, reject))
                continue
            rejects.append(reject)
        count += 1
    return _Batch(count, execution.decided, unchanged, rejects, refused, notices)


def _named_in(commands: Iterable[Command], catalogue: Catalogue) -> set[str]:
    """Whom some commands speak of, in whatever way the mapping made of their row."""
    fields = ("referred", "into", "firm", *LOOKUP_KINDS, "name")
    named = {str(value) for command in commands for field in fields if (value := getattr(command, field, None))}
    return named | {str(who) for command in commands if (who := address(command, catalogue).customer)}


def _refusal(row: Row, said: _Said, execution: Execution) -> str | None:
    """Which command of a row was refused, and why; None where the row was taken."""
    command: Command | None = None
    try:
        with execution.all_or_nothing():
            for place, command in enumerate(row.commands):
                try:
                    if isinstance(command, RegisterCustomer) and execution.knows(command.ref):
                        for changed in execution.told_again(command, said.details):
                            execution.carry_out(changed)
                    else:
                        execution.carry_out(command, only_changes=place in row.only_changes)
                except Rejected:
                    if place not in row.if_possible:
                        raise
    except (Rejected, NotFound) as refusal:
        return f"{type(command).__name__}: {refusal}"
    return None
