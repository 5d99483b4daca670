"""Ciphers: AES-GCM under each customer's key (crypto-shredding), and a keyed hash under the store's own, for look-ups.

A customer's key is read in every transaction and never cached: deleting its row makes their personal data
undecipherable.
"""

from __future__ import annotations

import hmac
import secrets
from contextlib import suppress
from hashlib import sha256
from unicodedata import normalize

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from regulars.crm_domain.birthday import found_by
from regulars.crm_domain.contact import clean_phone, visible
from regulars.crm_domain.errors import StoreUnusable

KEY_BYTES = 32
NONCE_BYTES = 12


def new_key() -> bytes:
    """A random 256-bit key."""
    return secrets.token_bytes(KEY_BYTES)


def new_id() -> str:
    """A random 128-bit id, as 32 hexadecimal digits."""
    return secrets.token_hex(16)


class Cipher:
    """AES-GCM under one key. A message is nonce, ciphertext, tag; it opens only with the same context."""

    __slots__ = ("_aes",)

    def __init__(self, key: bytes) -> None:
        self._aes = AESGCM(key)

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Encrypt under a fresh random nonce."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._aes.encrypt(nonce, plain, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Decrypt. Raises StoreUnusable where the bytes, the key or the context are not those of the encryption."""
        try:
            return self._aes.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)
        except (InvalidTag, ValueError):  # the latter where the bytes are shorter than a nonce
            raise StoreUnusable(
                "personal data can't be decrypted with its key; the store was changed from outside"
            ) from None


class KeyedHash:
    """HMAC-SHA-256 under the store's own key, truncated to 128 bits: equal inputs are found, none can be guessed."""

    __slots__ = ("_keyed",)

    def __init__(self, key: bytes) -> None:
        self._keyed = hmac.new(key, digestmod=sha256)

    def __call__(self, purpose: str, value: bytes) -> str:
        """32 hexadecimal digits. `purpose` keeps hashes of different kinds apart."""
        keyed = self._keyed.copy()  # quicker than to begin with the key each time
        keyed.update(purpose.encode() + b"\0" + value)
        return keyed.hexdigest()[:32]


def normalised(kind: str, value: str, country: str | None) -> bytes:
    """The normal form of a value for look-ups: e-mail without case, phone as E.164, of a birthday
    the day of each year on which it returns, the rest unchanged.

    `country` is where a phone number without a country's code is at home (ISO 3166); where it is None, or the text is
    no one number, the digits count as they were written.
    """
    match kind:
        case "email":
            return visible(normalize("NFKC", value)).strip().lower().encode()
        case "phone":
            if country is not None:
                with suppress(ValueError):
                    return clean_phone(value, country).encode()
            return "".join(character for character in value if character in "+0123456789").encode()
        case "birthday":
            return found_by(value).encode()
        case _:
            return value.encode()
