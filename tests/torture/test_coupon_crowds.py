"""Eight processes and the same coupons, in short."""

from __future__ import annotations

from functools import partial

import pytest

from torture.conftest import Try
from torture.coupon_crowds import coupon_crowd


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_eight_writers_never_redeem_a_coupon_beyond_its_limits(kind: str, postgres_url: str, attempt: Try) -> None:
    attempt(partial(coupon_crowd, kind, postgres_url), 3)
