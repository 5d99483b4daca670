"""Transactions that carry out commands, with retries after conflicts (optimistic concurrency)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from regulars.adapters.logs import STORE
from regulars.adapters.store.store import Collision
from regulars.adapters.store.transaction import Transaction
from regulars.adapters.tracing import span
from regulars.crm_domain.command import Command
from regulars.crm_domain.customer import MergeCustomers, UndoMerge
from regulars.crm_domain.errors import Conflict, Rejected, StoreBusy
from regulars.doing.execution import Execution, only_reference
from regulars.doing.outcomes import Outcome
from regulars.session.acting import Acting
from regulars.session.session import Session

MAX_ATTEMPTS = 10
FAIR_ATTEMPTS = 3
MAX_COMMANDS = 100_000

#: What is done with a transaction's execution before the transaction ends.
Work = Callable[[Transaction, Execution], None]


class Transacting:
    """Carries out the commands of one handle of a store."""

    def __init__(self, session: Session, acting: Acting) -> None:
        self._session = session
        self._acting = acting

    def carry_out(self, commands: Sequence[Command], *, unchanged_since: int | None = None) -> list[Outcome]:
        """The outcomes of commands that are carried out in one transaction: all of them or none.

        Raises Rejected, NotFound, Conflict, StoreBusy and StoreUnusable; Rejected `changed_meanwhile` where something
        was recorded after the position `unchanged_since` of a customer whom they change.
        """
        if len(commands) > MAX_COMMANDS:
            sentence = f"a transaction takes at most {MAX_COMMANDS:,} commands, not {len(commands):,}"
            raise Rejected("too_many_commands", sentence)
        outcomes: list[Outcome] = []

        def work(tx: Transaction, execution: Execution) -> None:
            execution.prepare(commands)
            for command in commands:
                execution.carry_out(command)
            if unchanged_since is not None:
                execution.require_unchanged(unchanged_since)
            outcomes[:] = execution.finish()

        # A merge and its undoing bear on both sides and are written on one: nobody may change the other meanwhile. Nor
        # another stream of a customer who is to be unchanged.
        alone = unchanged_since is not None or any(
            isinstance(command, MergeCustomers | UndoMerge) for command in commands
        )
        kinds = sorted({type(command).__name__ for command in commands})
        store = self._session.store
        with span(store, "do", commands=len(commands), kinds=kinds):
            self.transact(work, reference=only_reference(commands, store.registry.catalogue), alone=alone)
        return outcomes

    def transact(self, work: Work, *, reference: str | None = None, alone: bool = False) -> None:
        """Do some work in a transaction of its own, again where another writer was quicker, at most ten times.

        `reference` is the one that the work speaks of, where it is but one. Raises Conflict or StoreBusy after that.
        """
        store, expected = self._session.store, dict[str, int]()
        for attempt in range(MAX_ATTEMPTS):
            try:
                # After some conflicts exclude other writers: else a quicker one could win every time (starvation).
                with store.writing(alone=alone or attempt >= FAIR_ATTEMPTS) as tx:
                    execution = self._execution(tx, reference)
                    try:
                        work(tx, execution)
                    finally:
                        expected = execution.expectations()
            except Collision:
                STORE.debug("another writer was quicker, attempt %d of %d", attempt + 1, MAX_ATTEMPTS)
                continue
            self._session.has_committed(execution.customer_ids, execution.last_position)
            if tx.has_destroyed:
                store.destroy_traces()
            return
        raise self._conflict(expected)

    def within(self, tx: Transaction, work: Work) -> None:
        """Do some work in a transaction that the caller begins and ends."""
        work(tx, self._execution(tx))

    def _execution(self, tx: Transaction, reference: str | None = None) -> Execution:
        """A new execution in a transaction; the only reference is looked up together with the context of decisions."""
        premises = tx.premises(reference)
        sought = {} if reference is None else {reference: premises.customer_id}
        context = self._session.context(tx, premises)
        return Execution(self._session.store, tx, self._acting.issuer, context, sought)

    def _conflict(self, expected: Mapping[str, int]) -> Conflict | StoreBusy:
        if not expected:
            return StoreBusy("other writers were quicker again and again; try again")
        store = self._session.store
        with store.reading() as tx:
            actual = {stream: store.version_of(tx.connection, stream) for stream in expected}
        moved = [stream for stream in expected if actual[stream] != expected[stream]]
        stream = next(iter(moved or expected))
        return Conflict(stream, expected[stream], actual[stream])
