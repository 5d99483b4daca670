"""Opening a store: create it where it doesn't exist, with its first ruleset, and compare its read models with the
running code.
"""

from __future__ import annotations

import os
import warnings
from contextlib import suppress
from importlib import resources
from typing import TYPE_CHECKING, Literal

from regulars.adapters.extensions.extension import Extension
from regulars.adapters.logs import STORE
from regulars.adapters.read_models.generations import found_generation, in_short, is_founded
from regulars.adapters.sql.damage import DamagedReadModels
from regulars.adapters.sql.database import DEFAULT_LOCK_TIMEOUT, located
from regulars.adapters.sql.driver_errors import name_of
from regulars.adapters.store.store import Collision, Store
from regulars.adapters.vault.keyring import MasterKey
from regulars.crm_domain.command import require_label
from regulars.crm_domain.errors import StaleProjections, StoreUnusable
from regulars.projections.rules.grammar import Ruleset, parse_rules, require_valid
from regulars.session.acting import Acting, Issuer
from regulars.session.clock import Clock, system_clock
from regulars.session.session import Session

if TYPE_CHECKING:
    pass

from regulars.crm import Regulars

OnStale = Literal["warn", "rebuild", "error"]


def default_rules() -> Ruleset:
    """The default ruleset, which comes with the library."""
    text = resources.files("regulars").joinpath("rules.toml").read_text(encoding="utf-8")
    return parse_rules(text, "the default rules")


def open(
    target: str | os.PathLike[str],
    *,
    currency: str | None = None,
    actor: str = "unknown",
    rules: Ruleset | None = None,
    clock: Clock = system_clock,
    read_only: bool = False,
    on_stale: OnStale = "warn",
    lock_timeout: float = DEFAULT_LOCK_TIMEOUT,
    master_key: bytes | str | None = None,
    extensions: tuple[Extension, ...] = (),
    schema: str | None = None,
    personal: bool = True,
) -> Regulars:
    """Open a store; it is created where it doesn't exist.

    `target` is a path, ":memory:" or a SQLAlchemy URL of SQLite or PostgreSQL. `schema` is the PostgreSQL schema with
    all tables and views of the store; it is created with the store, and `?schema=crm` in the URL says the same. Without
    one, it is that of the role's search_path. `currency` (ISO 4217) is fixed by the first open or the first amount that
    names one. `actor` is recorded with each event as who gave the command. `rules` are the ruleset of a new store, the
    default one unless given. `clock` returns an aware datetime, for tests and simulations. `lock_timeout` is how many
    seconds to wait for another writer.

    A store that this process may not write is opened read-only: commands raise StoreUnusable, lists answer from what is
    folded in already, and `read_only` is True. `read_only=True` opens any store like that.

    `on_stale` is about a store whose read models were folded by other code or rules, before an upgrade for example.
    Questions about one customer are answered by the running code in any case. With "warn", lists are answered from the
    old read models, after a StaleProjections warning; "rebuild" rebuilds them at once; "error" raises StoreUnusable.

    A PostgreSQL role without SELECT on `regulars_keys` gets answers without names, and `names_readable` is False;
    without SELECT on `regulars_lookups` it can't find customers by reference, e-mail or phone, only by id.

    `personal=False` opens an existing store read-only and without personal data, for programs that are not to have any:
    answers are those of a role that may read none of these tables, and the master key isn't needed.

    `master_key` is 32 bytes, raw, as base64 or as 64 hexadecimal digits. The keys of a new store are wrapped by it, and
    from then on the store can't be opened without it. `crm.keys` wraps the keys of an existing store, or rotates the
    master key.

    `extensions` add aggregates, projections and indexes of other programs. A store records which ones it needs; where
    one of them isn't given it answers what it can without it, and `missing_extensions` names it.

    Raises StoreUnusable where the database can't be used as it is, or not with this master key, StoreBusy where it
    stays locked, ValueError for an actor that is not one line of at most 200 characters, for an invalid master key, and
    for extensions that define one name twice, or a built-in name.
    """
    require_label(actor, "an actor")
    master = None if master_key is None else MasterKey(master_key)
    store = Store(
        located(target, schema),
        lock_timeout=lock_timeout,
        read_only=read_only,
        master_key=master,
        extensions=tuple(extensions),
        personal=personal,
    )
    try:
        if not store.access.opens_nothing:
            store.keyring.require_master()
        if store.is_erasing and not store.database.read_only:
            store.destroy_traces(patience=0)
        if currency is not None:
            _settle_currency(store, currency)
        session = Session(store, clock)
        _found(session, rules)
        crm = Regulars(session, Acting(Issuer(actor=actor)))
        _handle_staleness(crm, on_stale)
        STORE.debug("opened %s%s", name_of(store.database.url), " read-only" if crm.read_only else "")
    except BaseException:
        store.close()
        raise
    return crm


def _settle_currency(store: Store, currency: str) -> None:
    with store.reading() as tx:
        known = store.currency(tx.connection)
    if known is None:
        # The first amount of another process may bring one at the same moment, and then that is the store's.
        with suppress(Collision), store.writing() as tx:
            store.exclude_others(tx.connection)
            if store.currency(tx.connection) is None:
                store.fix_currency(tx.connection, currency)
        with store.reading() as tx:
            known = store.currency(tx.connection)
    if known != currency:
        raise StoreUnusable(f"this store keeps its books in {known}, not in {currency}")


def _found(session: Session, rules: Ruleset | None) -> None:
    """Create the first generation of a new store, under its first ruleset."""
    store = session.store
    with store.reading() as tx:
        try:
            founded = is_founded(store.schema, tx.connection)
        except DamagedReadModels:
            return  # a rebuild repairs that, and needs an open store; each query that reads it raises StoreUnusable
    if not founded:
        if rules is not None:
            require_valid(rules)
        found_generation(store, rules or default_rules(), session.now())
    if rules is None:
        return
    with store.reading() as tx:
        in_force = session.in_force(tx)
    if rules.digest() != in_force.digest:
        raise StoreUnusable(
            f"the rules in force in this store are {in_force.digest[:12]}, not {rules.digest()[:12]} as given; "
            "`rules` are for a new store; publish a ruleset to change those of an existing one"
        )


def _handle_staleness(crm: Regulars, on_stale: OnStale) -> None:
    """Compare the read models with the running code; warn, rebuild, or raise StoreUnusable where they differ."""
    try:
        differences = crm.projections.staleness()
    except StoreUnusable:  # raised again by each query that reads the damaged rows, in a sentence that names the cure
        if on_stale == "error":
            raise
        if on_stale == "rebuild" and not crm.read_only:
            crm.projections.rebuild()
        return
    if not differences:
        return
    if on_stale == "rebuild" and not crm.read_only:
        crm.projections.rebuild_stale()
        return
    sentence = f"the read models of this store were folded by other code or rules: {in_short(differences)}"
    if on_stale == "error":
        raise StoreUnusable(f"{sentence}; `regulars rebuild` folds them again")
    warnings.warn(f"{sentence}; lists stay as they were until they are rebuilt", StaleProjections, stacklevel=3)
