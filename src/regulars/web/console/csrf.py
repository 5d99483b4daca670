"""The token that every form carries, so that no other site's form is taken for one of ours.

It follows from a secret in a cookie that no script and no other site can read, so it needs no keeping.
"""

from __future__ import annotations

import hashlib
import hmac


def form_token(secret: str) -> str:
    """The token that forms carry, for the secret in the browser's cookie: its session's, or that of its visit."""
    return hmac.new(secret.encode(), b"forms", hashlib.sha256).hexdigest()


def is_form_token(given: str, secret: str) -> bool:
    """Whether a form carried the token; without a secret none is right."""
    return bool(secret) and hmac.compare_digest(given.encode(), form_token(secret).encode())
