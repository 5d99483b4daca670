"""Logging mail: each mail with a known customer becomes an interaction of theirs, a few hundred in each transaction.

1. Our own addresses tell the direction: what one of them wrote went out to whom it was sent, anything else came in from
   whoever wrote it.
2. Customers are found by the addresses that they have or had. Nobody is registered: who isn't found is counted. An
   address that several customers have says nothing of whose the mail is.
3. A mail is taken once for each customer: its interaction's id is a keyed hash of its Message-ID, or of its content
   where it has none, and of the address. Where several addresses are one customer's, any of them tells that it is
   known.
4. What a machine sent by itself, such as an absence notice, is no sign of life, and is left out.

A Message-ID names a person or a host, so it is not kept. What can't be read is refused, and goes to quarantine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from time import monotonic
from zoneinfo import ZoneInfo

from msgspec import Struct

from regulars.adapters.garbage_collection import collecting_seldom
from regulars.adapters.importing import total_bytes
from regulars.adapters.importing.identity import canonical
from regulars.adapters.importing.mail import Mail, read_mail
from regulars.adapters.importing.mbox import raw_mails
from regulars.adapters.importing.source import STANDARD_INPUT
from regulars.adapters.indexes.links import Families
from regulars.adapters.store.store import Store
from regulars.adapters.store.transaction import Transaction
from regulars.adapters.tracing import span
from regulars.adapters.vault.normal_form import plain
from regulars.adapters.vault.quarantine import Reject
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.contact import clean_email
from regulars.crm_domain.errors import NotFound, Rejected
from regulars.crm_domain.interaction import INTERACTION, RecordInteraction
from regulars.doing.execution import Execution
from regulars.doing.importing import REJECTS_SHOWN, ImportProgress, Transact
from regulars.doing.transacting import Transacting
from regulars.session.session import Session

MAILS_PER_TRANSACTION = 200
#: So many addresses that nobody is known by are kept apart; mails of further ones are counted all the same.
ADDRESSES_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class MailReport:
    """What an import of mail did.

    Of all `mails`, `unchanged` held nothing new, `nobody` had no known customer, `between_us` were from us to us,
    `automatic` were sent by machines, and `rejected` couldn't be read; `recorded` is how many interactions came of the
    others. `unknown` are addresses that no customer has or had, `shared` those that several have or had, each with its
    number of mails, the most frequent first. `attachments` were left out; of mails that are `cut` only the first 4 MB
    were read.
    """

    mails: int = 0
    recorded: int = 0
    unchanged: int = 0
    nobody: int = 0
    between_us: int = 0
    automatic: int = 0
    rejected: int = 0
    attachments: int = 0
    cut: int = 0
    unknown: tuple[tuple[str, int], ...] = ()
    shared: tuple[tuple[str, int], ...] = ()
    rejects: tuple[Reject, ...] = ()
    dry_run: bool = False


@dataclass(slots=True)
class _Tally:
    """What mails came to, by the fields of a report."""

    counts: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    shared: Counter[str] = field(default_factory=Counter)
    rejects: list[Reject] = field(default_factory=list)

    def add(self, other: _Tally) -> None:
        self.counts.update(other.counts)
        for mine, its in ((self.unknown, other.unknown), (self.shared, other.shared)):
            mine.update({each: n for each, n in its.items() if each in mine or len(mine) < ADDRESSES_KEPT})
        self.rejects += other.rejects[: REJECTS_SHOWN - len(self.rejects)]

    def report(self, *, dry_run: bool) -> MailReport:
        return MailReport(
            **self.counts,
            unknown=_ranked(self.unknown),
            shared=_ranked(self.shared),
            rejects=tuple(self.rejects),
            dry_run=dry_run,
        )


def _ranked(counted: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counted.items(), key=lambda each: (-each[1], each[0])))


def mails_together(reports: Sequence[MailReport]) -> MailReport:
    """What the imports of several files did, as that of one."""
    tally = _Tally()
    for each in reports:
        counts = Counter({name: getattr(each, name) for name in _COUNTS})
        tally.add(_Tally(counts, Counter(dict(each.unknown)), Counter(dict(each.shared)), list(each.rejects)))
    return tally.report(dry_run=any(each.dry_run for each in reports))


_COUNTS = ("mails", "recorded", "unchanged", "nobody", "between_us", "automatic", "rejected", "attachments", "cut")


class Mine(Struct, frozen=True):
    """Our own addresses and domains, in their normal form."""

    addresses: frozenset[str]
    domains: frozenset[str]

    def has(self, address: str) -> bool:
        """Whether an address is ours."""
        return plain(address) in self.addresses or plain(address).rpartition("@")[2] in self.domains


def our_own(told: Sequence[str]) -> Mine:
    """Our addresses, and our domains as `@firm.example`. Raises ValueError for none, and for what is neither."""
    if not told:
        raise ValueError("name your own addresses: they tell what came in from what went out")
    domains = {each[1:] for each in told if each.startswith("@")}
    for each in sorted(domains):
        clean_email(f"us@{each}")
    addresses = {clean_email(each) for each in told if not each.startswith("@")}
    return Mine(frozenset(map(plain, addresses)), frozenset(map(plain, domains)))


@collecting_seldom()
def import_mail(
    session: Session,
    transacting: Transacting,
    path: Path,
    mine: Mine,
    *,
    dry_run: bool,
    on_progress: ImportProgress | None,
) -> MailReport:
    """Log the mail of a file, folding in as it goes; a dry run does everything in one transaction and takes it back.

    Raises NotFound for a missing file, StoreUnusable for one that can't be read to its end.
    """
    store = session.store
    with store.reading() as tx:
        zone = session.ruleset(tx).zone
    file = _File(path, mine, zone)
    if dry_run:
        with store.rehearsing() as tx:
            return _import(store, partial(transacting.within, tx), file, on_progress).report(dry_run=True)
    with span(store, "import mail"):
        return _import(store, transacting.transact, file, on_progress, session.fold_beside).report(dry_run=False)


class _File(Struct, frozen=True):
    """A file of mail, our own addresses, and the business's zone."""

    path: Path
    mine: Mine
    zone: ZoneInfo

    @property
    def key(self) -> str:
        """What tells the file from others of the same name."""
        return self.path.name if str(self.path) == STANDARD_INPUT else str(self.path.resolve())


def _import(
    store: Store,
    transact: Transact,
    file: _File,
    on_progress: ImportProgress | None,
    on_recorded: Callable[[float], None] | None = None,
) -> _Tally:
    """Log the mail of a file. `on_recorded` is called after each transaction with the seconds that it took, and only
    where what is refused is kept.
    """
    total, tally, read = total_bytes(file.path), _Tally(), 0

    def note(done: int) -> None:
        nonlocal read
        read = done

    with closing(raw_mails(file.path, note)) as stream:
        mails = (read_mail(each, file.zone) for each in stream)  # one at a time, as each may be large
        batch = list(islice(mails, MAILS_PER_TRANSACTION))  # a file that can't be read leaves no trace
        transact(lambda tx, _: tx.quarantine.clear(file.key))
        while batch:
            began = monotonic()
            tally.add(_take(store, transact, file, batch))
            if on_progress:
                on_progress(read, total, tally.counts["mails"])
            if on_recorded:
                on_recorded(monotonic() - began)
            batch = list(islice(mails, MAILS_PER_TRANSACTION))
    return tally


def _take(store: Store, transact: Transact, file: _File, batch: Sequence[Mail]) -> _Tally:
    """Log some mails in one transaction."""
    done: list[_Tally] = []

    def work(tx: Transaction, execution: Execution) -> None:
        tally = _Logging(store, tx, execution, file).log(batch)
        execution.finish()
        tx.quarantine.keep(file.key, tally.rejects)
        done.append(tally)

    transact(work)
    return done[-1]


class _Interaction(Struct, frozen=True):
    """What a mail is recorded as for one customer, and the ids under which it may be known."""

    command: RecordInteraction
    known_as: list[str]


class _Logging:
    """Some mails that are logged together."""

    def __init__(self, store: Store, tx: Transaction, execution: Execution, file: _File) -> None:
        self._store, self._tx, self._execution = store, tx, execution
        self._mine, self._source = file.mine, file.path.name
        self._tally = _Tally()

    def log(self, batch: Sequence[Mail]) -> _Tally:
        """Log them in their order."""
        others = [self._others(mail) for mail in batch]
        holders = self._tx.find_ever("email", {address for addresses in others for address in addresses})
        families = self._tx.families({each for ids in holders.values() for each in ids})
        told = [
            (mail, self._interactions(mail, self._by_customer(addresses, holders, families)))
            for mail, addresses in zip(batch, others, strict=True)
        ]
        self._execution.prepare(each.command for _, found in told for each in found)
        self._execution.load(INTERACTION, [each for _, found in told for one in found for each in one.known_as])
        for (mail, found), addresses in zip(told, others, strict=True):
            self._log(mail, found, addresses)
        return self._tally

    def _others(self, mail: Mail) -> list[str]:
        """Whom we had to do with in a mail: the addresses that tell whose it is."""
        if mail.problem is not None or mail.is_automatic:
            return []
        if any(self._mine.has(each) for each in mail.sender):
            return sorted({each for each in mail.recipients if not self._mine.has(each)})
        return sorted(set(mail.sender))

    def _by_customer(
        self, addresses: Iterable[str], holders: dict[str, list[str]], families: Families
    ) -> dict[str, tuple[str, list[str]]]:
        """By the root of each family: which of them has the address, and all addresses of the mail that they have."""
        found: dict[str, tuple[str, list[str]]] = {}
        for address in addresses:
            ids = holders.get(address, [])
            roots = {families.root(each) for each in ids}
            if len(roots) == 1:
                [root] = roots
                found.setdefault(root, (root if root in ids else min(ids), []))[1].append(address)
            else:
                (self._tally.shared if roots else self._tally.unknown)[address] += 1
        return found

    def _interactions(self, mail: Mail, whose: dict[str, tuple[str, list[str]]]) -> list[_Interaction]:
        """What a mail is recorded as, one for each customer in it."""
        found = []
        for customer_id, addresses in whose.values():
            known_as = [self._id_of(mail, address) for address in addresses]
            found.append(_Interaction(self._command(mail, customer_id, known_as[0]), known_as))
        return found

    def _id_of(self, mail: Mail, address: str) -> str:
        return "mail:" + self._store.keyed("mail", canonical([*mail.identity, plain(address)]))[:32]

    def _log(self, mail: Mail, found: Sequence[_Interaction], addresses: Sequence[str]) -> None:
        counts = self._tally.counts
        counts["mails"] += 1
        counts["attachments"] += mail.attachments
        counts["cut"] += mail.is_cut
        refusal = mail.problem
        if refusal is None and found:
            recorded = 0
            try:
                with self._execution.all_or_nothing():
                    for each in found:
                        if not any(self._execution.is_begun(INTERACTION, known) for known in each.known_as):
                            self._execution.carry_out(each.command)
                            recorded += 1
            except (Rejected, NotFound) as refused:
                refusal = str(refused)
            else:
                counts["recorded"] += recorded
                counts["unchanged"] += not recorded
        if refusal is not None:
            counts["rejected"] += 1
            self._tally.rejects.append(self._reject(mail, refusal))
        elif not found:
            counts["automatic" if mail.is_automatic else "nobody" if addresses else "between_us"] += 1

    def _command(self, mail: Mail, customer_id: str, interaction_id: str) -> RecordInteraction:
        is_ours = any(self._mine.has(each) for each in mail.sender)
        return RecordInteraction(
            customer=CustomerId(customer_id),
            interaction_id=interaction_id,
            channel="email",
            direction="outbound" if is_ours else "inbound",
            summary=mail.summary,
            occurred_at=mail.sent_at,
        )

    def _reject(self, mail: Mail, reason: str) -> Reject:
        return Reject(source=self._source, line=mail.line, reason=reason, text=mail.headers, speaks_of=mail.addresses)
