"""The hooks of one open store: what `Regulars.hooks` offers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from datetime import datetime

from regulars.adapters.hooks.rows import Counts, HookRows, StoredDelivery, StoredHook
from regulars.adapters.schema.hook_tables import SUBSCRIPTION
from regulars.adapters.vault.cipher import new_id
from regulars.changes.change import CHANGE_KINDS, Batch
from regulars.changes.feed import ChangeFeed, find_feed
from regulars.crm_domain.errors import NotFound
from regulars.crm_domain.instant import to_datetime
from regulars.hooks.delivering import DEAD_KEPT, Delivering, OnAttempt, deliver_on, deliver_once, rows
from regulars.hooks.message import new_secret, require_secret
from regulars.hooks.sending import require_extra
from regulars.hooks.stored_change import restored_change, stored_changes
from regulars.hooks.target import parse_target
from regulars.hooks.values import Attempt, DeadLetter, Delivered, Hook, NewHook
from regulars.session.session import Session

#: What hooks are told of unless they ask for more: neither corrections nor what other rules moved.
KINDS = ("recorded", "began", "fell_due")
MAX_DEAD = 1_000


class Hooks:
    """Addresses that changes are posted to, signed, in each customer's order, until their receivers took them.

    `docs/howto-webhooks.md` shows a receiver. They take the extra: pip install 'regulars[hooks]'.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._store = session.store

    def add(
        self,
        url: str,
        *,
        kinds: Collection[str] = KINDS,
        personal: bool = False,
        allow_local: bool = False,
        secret: str | None = None,
        start: str | int = "now",
    ) -> NewHook:
        """Add a hook that `kinds` of changes are posted to, as `changes` takes them, from `start` on.

        Where they name verdicts or events alone, such as "tier", these are told as they are recorded, begin and fall
        due: neither corrections nor what other rules moved come to a hook unless it asks for them. What held before it
        was added, from an earlier `start` on, comes as "corrected".

        With `personal` the customer's reference, name, e-mail and phone are posted too; without, nothing personal is.
        `url` is https://, and its host has to lead to global addresses; with `allow_local` it may lead to this machine,
        then also by http://. `secret` is what messages are signed with: whsec_ and base64; without it one is made. It
        is in the result, and is never shown again.

        Raises ValueError for a URL, kinds or a secret that are none.
        """
        require_extra()
        parse_target(url, allow_local=allow_local)
        secret = new_secret() if secret is None else require_secret(secret)
        hook = StoredHook(
            id=new_id()[:12],
            url=url,
            kinds=_with_kinds(kinds),
            personal=personal,
            allow_local=allow_local,
            made_at=self._session.now(),
        )
        find_feed(self._session, subscription_of(hook.id), hook.kinds, start)
        with self._store.writing() as tx:
            rows(self._store, tx).add(hook, secret)
        return NewHook(hook=_shown(hook, Counts()), secret=secret)

    def list(self) -> tuple[Hook, ...]:
        """All hooks, the oldest first."""
        with self._store.reading() as tx:
            hooks = rows(self._store, tx)
            counts = hooks.counts()
            return tuple(_shown(each, counts.get(each.id, Counts())) for each in hooks.all())

    def drop(self, hook_id: str) -> None:
        """Delete a hook with what it still had to post. Raises NotFound."""
        with self._store.writing() as tx:
            hook = self._require(rows(self._store, tx), hook_id)
            rows(self._store, tx).drop(hook.id)
        self._feed(hook).drop()

    def dead(self, hook_id: str | None = None, *, limit: int = MAX_DEAD) -> tuple[DeadLetter, ...]:
        """The changes that were given up, of one hook or of all, the oldest first. Raises NotFound."""
        with self._store.reading() as tx:
            hooks = rows(self._store, tx)
            if hook_id is not None:
                self._require(hooks, hook_id)
            return tuple(map(_dead_letter, hooks.dead(hook_id, limit)))

    def replay(self, hook_id: str, *, since: datetime | None = None) -> int:
        """Switch a hook on, and let what waits and what was given up be tried afresh; how many are to be posted.

        With `since`, what the feed told from then on is posted once more, too, behind that: under the ids that it had,
        as far as its batches are kept (30 days). Raises NotFound.
        """
        with self._store.reading() as tx:
            hook = self._require(rows(self._store, tx), hook_id)
        again = () if since is None else self._told(hook, since)
        now = self._session.now()
        with self._store.writing() as tx:
            hooks = rows(self._store, tx)
            self._require(hooks, hook_id)
            hooks.switch_on(hook_id)
            return hooks.revive(hook_id, now) + hooks.add_deliveries(hook_id, again, now)

    def deliver(self, on_attempt: OnAttempt | None = None) -> Delivered:
        """Post everything that is due, each change at most once; what failed is tried again by a later call.

        `on_attempt` is called with each Attempt. It runs an event loop: within another one, call it in a thread. Raises
        StoreBusy where another process delivers, StoreUnusable without the extra, or where the store is read-only.
        """
        counts, switched_off = Counter[str](), dict[str, None]()

        def tell(attempt: Attempt) -> None:
            counts["taken" if attempt.failure is None else "failed"] += 1
            counts["dead"] += attempt.is_dead
            if attempt.off_because is not None:
                switched_off[attempt.hook_id] = None
            if on_attempt is not None:
                on_attempt(attempt)

        deliver_once(self._delivering(tell))
        waiting = sum(each.waiting for each in self.list() if each.is_on)
        return Delivered(
            taken=counts["taken"],
            failed=counts["failed"],
            dead=counts["dead"],
            switched_off=tuple(switched_off),
            waiting=waiting,
        )

    def deliver_on(self, on_attempt: OnAttempt | None = None) -> None:
        """Deliver until it is interrupted, as what is recorded and what falls due comes. Otherwise as `deliver`."""
        deliver_on(self._delivering(on_attempt or _tell_nobody))

    def _delivering(self, tell: OnAttempt) -> Delivering:
        require_extra()
        with self._store.writing() as tx:
            rows(self._store, tx).drop_dead_before(self._session.now() - DEAD_KEPT)
        return Delivering(store=self._store, now=self._session.now, poll=self._poll, tell=tell)

    def _poll(self, hook: StoredHook, take: Callable[[Batch], None]) -> None:
        feed = self._feed(hook)
        for batch in feed:
            take(batch)
            feed.ack(batch)

    def _told(self, hook: StoredHook, since: datetime) -> tuple[tuple[str, bytes], ...]:
        batches = self._feed(hook).replay(since=since)
        return tuple(each for batch in batches for each in stored_changes(batch.changes))

    def _feed(self, hook: StoredHook) -> ChangeFeed:
        return find_feed(self._session, subscription_of(hook.id), hook.kinds, "now")

    def _require(self, hooks: HookRows, hook_id: str) -> StoredHook:
        hook = hooks.find(hook_id)
        if hook is None:
            raise NotFound(f"there is no hook {hook_id!r}; `regulars hooks list` has those there are")
        return hook


def switch_off_restored(session: Session) -> None:
    """Switch every hook off in a store that was restored: what a backup still had to post may have been posted since,
    and the store that it was made of may post, too.
    """
    with session.store.writing() as tx:
        hooks = rows(session.store, tx)
        for each in hooks.all():
            if each.off_at is None:
                hooks.switch_off(each.id, session.now(), "this store was restored from a backup")


def subscription_of(hook_id: str) -> str:
    """The name of a hook's subscription to the feed."""
    return f"{SUBSCRIPTION}{hook_id}"


def _with_kinds(words: Collection[str]) -> tuple[str, ...]:
    """The words, and the usual kinds of change where none is among them."""
    if isinstance(words, str) or not words:
        raise ValueError(f"a hook is told of a collection of kinds, such as {list(KINDS)}, not {words!r}")
    names_what = any(":" not in word and word not in CHANGE_KINDS for word in words)
    usual = KINDS if names_what and not set(words) & set(CHANGE_KINDS) else ()
    return tuple(dict.fromkeys((*usual, *words)))


def _tell_nobody(attempt: Attempt) -> None:
    """Whoever doesn't ask isn't told."""


def _shown(hook: StoredHook, counts: Counts) -> Hook:
    return Hook(
        id=hook.id,
        url=hook.url,
        kinds=hook.kinds,
        personal=hook.personal,
        allow_local=hook.allow_local,
        made_at=to_datetime(hook.made_at),
        waiting=counts.waiting,
        dead=counts.dead,
        failures=hook.failures,
        failing_since=_moment(hook.failing_since),
        off_since=_moment(hook.off_at),
        off_because=hook.off_because,
    )


def _dead_letter(found: StoredDelivery) -> DeadLetter:
    return DeadLetter(
        hook_id=found.hook_id,
        change=restored_change(found.change),
        attempts=found.attempts,
        failure=found.failure or "",
        at=to_datetime(found.dead_at or found.queued_at),
    )


def _moment(instant: int | None) -> datetime | None:
    return None if instant is None else to_datetime(instant)
