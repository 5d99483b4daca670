"""The keyring: a store's keys, in the clear or wrapped by a master key from outside (key wrapping).

1. A master key is 256 bits, and is never written to the store, into an error or anywhere else.
2. A key is wrapped by AES-GCM with its owner's id as context: in another row it can't be unwrapped.
3. A store with wrapped keys has a setting that only its master key decrypts, so a wrong one is noticed at once.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cached_property

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy.engine import Connection

from regulars.adapters.schema.settings import required
from regulars.adapters.sql.statement import Among, Statement
from regulars.adapters.vault.cipher import KEY_BYTES, Cipher, KeyedHash, new_key
from regulars.crm_domain.errors import StoreUnusable

#: The setting that tells the master key of a store from others; a store without it has none.
CHECK = "master_key"
#: The settings that are the store's own keys.
OWN_KEYS = ("lookup_key", "quarantine_key")

_HEXADECIMAL = re.compile(r"[0-9a-fA-F]{64}")
_KNOWN = b"the master key of this store"
_MISSING = "the keys of this store are wrapped by a master key: give it as master_key, or as REGULARS_MASTER_KEY"
_WRONG = "the keys of this store are wrapped by another master key than the one that was given"
_NEEDLESS = (
    "a master key was given, but the keys of this store are not wrapped by one; open it without, and `regulars keys "
    "rotate` wraps them"
)
_ROTATED = (
    "doesn't open as it did when the store was opened: its master key was changed meanwhile, so open it again with the "
    "one of now; or it was changed from outside, and a backup has it as it was"
)


class MasterKeyChanged(StoreUnusable):
    """The master key was changed since the store was opened, so no personal data can be decrypted."""


def new_master_key() -> str:
    """A random master key, as base64."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


class MasterKey:
    """A master key: 32 bytes, raw, as base64 or as 64 hexadecimal digits. Raises ValueError for anything else.

    Neither its repr nor any error shows it.
    """

    __slots__ = ("_cipher",)

    def __init__(self, given: bytes | str) -> None:
        key = given if isinstance(given, bytes) else _decoded(given.strip())
        if len(key) != KEY_BYTES:
            raise ValueError("a master key is 32 bytes, given as they are, as base64 or as 64 hexadecimal digits")
        self._cipher = Cipher(key)

    def __repr__(self) -> str:
        return "MasterKey(...)"

    def wrap(self, key: bytes, whose: str) -> bytes:
        """Wrap a key."""
        return self._cipher.seal(key, whose.encode())

    def unwrap(self, stored: bytes, whose: str) -> bytes:
        """Unwrap a key. Raises StoreUnusable where another master key wrapped it, or it is another owner's."""
        return self._cipher.open(stored, whose.encode())

    def new_check(self) -> bytes:
        """A check value of this master key, to be kept in the store."""
        return self._cipher.seal(_KNOWN, CHECK.encode())

    def fits(self, check: bytes) -> bool:
        """Whether a check value was made with this master key."""
        with suppress(StoreUnusable):
            return self._cipher.open(check, CHECK.encode()) == _KNOWN
        return False


def _decoded(text: str) -> bytes:
    if _HEXADECIMAL.fullmatch(text):
        return bytes.fromhex(text)
    with suppress(binascii.Error, ValueError):
        return base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
    return b""


class Keyring:
    """The keys of a store as of when it was opened, with the master key that was given, if any.

    A process that decrypts nothing, such as one that folds, needs none: StoreUnusable is raised only where a key is
    unwrapped and the master key is not the store's.
    """

    def __init__(self, settings: dict[str, bytes], master: MasterKey | None) -> None:
        self._check = settings.get(CHECK)
        self._own = {name: required(settings, name) for name in OWN_KEYS}
        self._master = master

    @property
    def is_wrapped(self) -> bool:
        """Whether the store's keys are wrapped by a master key."""
        return self._check is not None

    @cached_property
    def keyed(self) -> KeyedHash:
        """The keyed hash for look-ups of customers, orders and commands."""
        return KeyedHash(self._own_key("lookup_key"))

    @cached_property
    def quarantine(self) -> Cipher:
        """The cipher of rows in quarantine."""
        return Cipher(self._own_key("quarantine_key"))

    @cached_property
    def hooks(self) -> Cipher:
        """The cipher of hooks' secrets: its key follows from that of the quarantine, so rotating keeps it."""
        key = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"regulars hooks")
        return Cipher(key.derive(self._own_key("quarantine_key")))

    def require_master(self) -> None:
        """Raise StoreUnusable unless the given master key is the store's, or none is given and it has none."""
        if self._check is None:
            if self._master is not None:
                raise StoreUnusable(_NEEDLESS)
        elif self._master is None:
            raise StoreUnusable(_MISSING)
        elif not self._master.fits(self._check):
            raise StoreUnusable(_WRONG)

    def require_unchanged(self, connection: Connection, check_value: Statement) -> None:
        """Raise StoreUnusable where the master key was changed since the store was opened: keys wrapped by the old one
        are lost. `check_value` selects the setting CHECK.
        """
        row = check_value.first(connection)
        check = None if row is None else row[0]
        if check != self._check:
            raise MasterKeyChanged(f"a key of this store {_ROTATED}")

    def wrap(self, key: bytes, customer_id: str) -> bytes:
        """Wrap a customer's key, as it is stored."""
        return wrapped_by(self._master, key, customer_id)

    def unwrap(self, stored: bytes, customer_id: str) -> bytes:
        """Unwrap a customer's stored key. Raises StoreUnusable where that fails."""
        return self._opened(stored, _whose(customer_id))

    def ciphers(self, connection: Connection, keys: Among, customer_ids: Iterable[str]) -> dict[str, Cipher]:
        """The ciphers of those customers, among some, who are not forgotten; `keys` selects their stored keys."""
        return self.opened(dict(keys.all(connection, customer_ids)))

    def opened(self, stored: Mapping[str, bytes]) -> dict[str, Cipher]:
        """The ciphers of stored keys, by customer."""
        return {customer_id: Cipher(self.unwrap(key, customer_id)) for customer_id, key in stored.items()}

    def own_keys(self) -> dict[str, bytes]:
        """The store's own keys, by the names of their settings."""
        return {name: self._own_key(name) for name in OWN_KEYS}

    def _own_key(self, name: str) -> bytes:
        self.require_master()
        return self._opened(self._own[name], name)

    def _opened(self, stored: bytes, whose: str) -> bytes:
        if self._master is not None:
            with suppress(StoreUnusable):
                return self._master.unwrap(stored, whose)
        elif len(stored) == KEY_BYTES:
            return stored
        raise MasterKeyChanged(f"the key {whose if whose in OWN_KEYS else f'of {whose}'} {_ROTATED}")


def founding_settings(master: MasterKey | None) -> dict[str, bytes]:
    """The settings of a new store that concern keys."""
    keys = {name: new_key() for name in OWN_KEYS}
    return keys if master is None else wrapped_settings(keys, master)


def wrapped_settings(own_keys: Mapping[str, bytes], master: MasterKey) -> dict[str, bytes]:
    """The store's own keys as settings under a master key, with the check value of that."""
    return {name: master.wrap(key, name) for name, key in own_keys.items()} | {CHECK: master.new_check()}


def wrapped_by(master: MasterKey | None, key: bytes, customer_id: str) -> bytes:
    """A customer's key as it is stored under a master key, or under none."""
    return key if master is None else master.wrap(key, _whose(customer_id))


def _whose(customer_id: str) -> str:
    return f"customer {customer_id}"
