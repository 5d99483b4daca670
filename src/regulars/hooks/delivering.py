"""Delivering: the feed's batches are put among the deliveries, and what is due is posted.

1. A batch is acknowledged once it is stored, so it comes again after a crash in between, and is known by its first id.
2. A delivery is deleted once its receiver took it, so after a crash in between it is posted again, under the same id.
3. Of each customer one delivery is tried at a time, the oldest; those of several customers are tried side by side.
4. A dead letter lets the next one of its customer go.

Everything that waits is in the store, so a process may be killed at any instant.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from contextlib import closing, suppress
from functools import cache

import msgspec
from msgspec import Struct

from regulars.adapters.hooks.rows import HookRows, StoredDelivery, StoredHook
from regulars.adapters.logs import HOOKS
from regulars.adapters.sql.sqlite_file import DELIVERING
from regulars.adapters.store.alone import alone
from regulars.adapters.store.store import Store
from regulars.adapters.store.transaction import Transaction
from regulars.asking.one_customer import Contact, read_contacts
from regulars.changes.change import Batch, Change
from regulars.crm_domain.errors import StoreBusy
from regulars.crm_domain.instant import to_datetime
from regulars.hooks.message import body_of, signed
from regulars.hooks.schedule import ATTEMPTS, DAY, PATIENCE, SWITCHED_OFF_AFTER, asked_for, pause_after, quiet_after
from regulars.hooks.sending import Answer, Certificates, send, trusted
from regulars.hooks.stored_change import restored_change, stored_changes
from regulars.hooks.target import parse_target
from regulars.hooks.values import Attempt

OnAttempt = Callable[[Attempt], None]
#: Hands each batch that a hook hasn't taken to a function, and acknowledges it once that has returned.
Poll = Callable[[StoredHook, Callable[[Batch], None]], None]

#: So many messages of one hook are under way at once, each of another customer.
AT_ONCE = 8
#: While nothing is due, it is looked for changes every so many seconds.
POLL_SECONDS = 1.0
#: For so long dead letters are kept, as the feed keeps its batches.
DEAD_KEPT = 30 * DAY

_DELIVERERS = 7_164_209_313_801_265_156  # the number of PostgreSQL's lock: any, the same in every process
_BUSY = "another process delivers the hooks of this store already; one is enough"


class Delivering(Struct, frozen=True, kw_only=True):
    """What delivering takes: the store, its clock, the feed, and whom to tell of each attempt."""

    store: Store
    now: Callable[[], int]
    poll: Poll
    tell: OnAttempt


def deliver_once(given: Delivering) -> None:
    """Deliver what is due, each change at most once.

    Raises StoreBusy where another process delivers, and once all others are through whatever the feed of a hook raises.
    """
    _alone(given, _once(given))


def deliver_on(given: Delivering) -> None:
    """Deliver until it is interrupted. Raises as `deliver_once`, at once."""
    _alone(given, _on_and_on(given))


def _alone(given: Delivering, work: Coroutine[object, object, None]) -> None:
    with closing(work), alone(given.store, DELIVERING, _DELIVERERS, _BUSY):
        asyncio.run(work)


async def _once(given: Delivering) -> None:
    certificates = cache(trusted)
    hooks = await asyncio.to_thread(_hooks_that_are_on, given)
    await _side_by_side(_run(given, hook.id, certificates) for hook in hooks)


async def _on_and_on(given: Delivering) -> None:
    """Each hook has its own task, begun again and again, so that a slow one holds up no other."""
    certificates, running = cache(trusted), dict[str, asyncio.Task[None]]()
    try:
        while True:
            for ended in [hook_id for hook_id, task in running.items() if task.done()]:
                with suppress(StoreBusy):  # it is tried again at once
                    running.pop(ended).result()
            with suppress(StoreBusy):
                for hook in await asyncio.to_thread(_hooks_that_are_on, given):
                    if hook.id not in running:
                        running[hook.id] = asyncio.create_task(_run(given, hook.id, certificates))
            await asyncio.sleep(POLL_SECONDS)
    finally:
        for task in running.values():
            task.cancel()


async def _side_by_side(work: Iterable[Coroutine[object, object, None]]) -> None:
    """Do everything to its end, and raise the first error only then: what was posted is to be noted."""
    for error in await asyncio.gather(*work, return_exceptions=True):
        if error is not None:
            raise error


async def _run(given: Delivering, hook_id: str, certificates: Certificates) -> None:
    """Take what is new for a hook, and try everything that is due by then, each delivery once.

    What waits is posted, too, where the feed has nothing to tell, as when the clock moved on too far.
    """
    try:
        await asyncio.to_thread(_take_what_is_new, given, hook_id)
    finally:
        moment = given.now()
        while due := await asyncio.to_thread(_due, given, hook_id, moment):
            await _side_by_side(_try(given, delivery, certificates) for delivery in due)


async def _try(given: Delivering, delivery: StoredDelivery, certificates: Certificates) -> None:
    change = restored_change(delivery.change)
    found = await asyncio.to_thread(_read, given, delivery.hook_id, change)
    if found is None:
        return
    hook, secret, contact = found
    message = signed(body_of(change, hook.id, contact), change.id, secret, given.now())
    target = parse_target(hook.url, allow_local=hook.allow_local)
    answer = await send(target, message, certificates, allow_local=hook.allow_local)
    attempt = await asyncio.to_thread(_settle, given, delivery, change.id, answer)
    if attempt is not None:
        given.tell(attempt)


# ------------------------------------------------------------------------------------------------------ in the store


def rows(store: Store, tx: Transaction) -> HookRows:
    """The rows of hooks in a transaction."""
    return HookRows(tx.connection, store.schema, store.keyring)


def _hooks_that_are_on(given: Delivering) -> list[StoredHook]:
    with given.store.reading() as tx:
        return [each for each in rows(given.store, tx).all() if each.off_at is None]


def _find(given: Delivering, tx: Transaction, hook_id: str) -> StoredHook | None:
    hook = rows(given.store, tx).find(hook_id)
    return None if hook is None or hook.off_at is not None else hook


def _take_what_is_new(given: Delivering, hook_id: str) -> None:
    with given.store.reading() as tx:
        hook = _find(given, tx, hook_id)
    if hook is None:
        return

    def store_batch(batch: Batch) -> None:
        changes = stored_changes(batch.changes)
        with given.store.writing() as tx:
            rows(given.store, tx).take(hook_id, batch.changes[0].id, changes, given.now())

    given.poll(hook, store_batch)


def _due(given: Delivering, hook_id: str, moment: int) -> tuple[StoredDelivery, ...]:
    with given.store.reading() as tx:
        hook = _find(given, tx, hook_id)
        if hook is None or hook.quiet_until > moment:
            return ()
        is_down = hook.failures >= PATIENCE  # then one message finds out whether it still is
        return rows(given.store, tx).due(hook_id, moment, 1 if is_down else AT_ONCE)


def _read(given: Delivering, hook_id: str, change: Change) -> tuple[StoredHook, str, Contact | None] | None:
    """The hook, its secret and, where it says `personal`, the customer's contact details; None where it is gone."""
    with given.store.reading() as tx:
        hook = _find(given, tx, hook_id)
        if hook is None:
            return None
        secret, who = rows(given.store, tx).secret(hook_id), change.customer_id
        contact = read_contacts(tx, [who])[who] if hook.personal and who is not None else None
    return hook, secret, contact


def _settle(given: Delivering, delivery: StoredDelivery, change_id: str, answer: Answer) -> Attempt | None:
    """Note what came of an attempt; None where the hook was dropped meanwhile."""
    now = given.now()
    attempt = Attempt(
        hook_id=delivery.hook_id,
        change_id=change_id,
        number=delivery.attempts + 1,
        at=to_datetime(now),
        status=answer.status,
        failure=answer.failure,
    )
    # That something was taken may be forgotten in a crash: it is posted once more then.
    with given.store.writing(durable=answer.failure is not None) as tx:
        hooks = rows(given.store, tx)
        hook = hooks.find(delivery.hook_id)
        if hook is None:
            return None
        if answer.failure is None:
            hooks.done(delivery)
            if hook.failures:
                hooks.note_success(hook.id)
            return attempt
        return _settle_failure(hooks, hook, delivery, attempt, answer, now)


def _settle_failure(
    hooks: HookRows, hook: StoredHook, delivery: StoredDelivery, attempt: Attempt, answer: Answer, now: int
) -> Attempt:
    failure, failures = answer.failure or "", hook.failures + 1
    since = now if hook.failing_since is None else hook.failing_since
    pause = pause_after(attempt.number, attempt.change_id)
    asked = asked_for(answer.retry_after)
    next_at = None if pause is None else now + max(pause, asked)
    quiet = max(quiet_after(failures, hook.id), asked)
    quiet_until = max(hook.quiet_until, now + quiet) if quiet else hook.quiet_until
    hooks.note_failure(hook.id, failures, since, quiet_until)
    because = _why_off(answer, now - since, failures)
    if because is None:
        hooks.failed(delivery, failure, next_at=next_at, now=now)
    else:
        hooks.switch_off(hook.id, now, because)
        HOOKS.warning("switched hook %s off: %s", hook.id, because)
    if because is None and next_at is None:
        HOOKS.warning("gave up change %s for hook %s after %d attempts", attempt.change_id, hook.id, ATTEMPTS)
    return msgspec.structs.replace(
        attempt,
        next_at=None if next_at is None or because is not None else to_datetime(next_at),
        is_dead=next_at is None and because is None,
        off_because=because,
    )


def _why_off(answer: Answer, failing_for: int, failures: int) -> str | None:
    if answer.is_gone:
        return "its receiver answered 410: it wants nothing more"
    if failing_for >= SWITCHED_OFF_AFTER:
        return (
            f"it took nothing for {failing_for // DAY} days: {failures:,} attempts failed, the last as {answer.failure}"
        )
    return None
