"""The coupons: what each takes off, what was redeemed, what is outstanding and may cost; a new one."""

from __future__ import annotations

from typing import get_args
from urllib.parse import quote

from pydantic import ValidationError

from regulars.asking.coupons import CouponStatus
from regulars.crm_domain.coupon import CreateCoupon
from regulars.crm_domain.errors import RegularsError
from regulars.crm_domain.explain_invalid import sentence
from regulars.web.console.acts import said
from regulars.web.console.page import Answer, Asked, GoTo, Page, Shown
from regulars.web.console.reading import one_of
from regulars.web.console.words import N_

STATUSES: tuple[CouponStatus, ...] = get_args(CouponStatus)
_FIELDS = (
    *("coupon_id", "percent", "amount", "up_to", "minimum"),
    *("valid_from", "valid_until", "per_person", "in_all"),
)


def show(asked: Asked) -> Answer:
    """All of them, or what came of making one."""
    problem = ""
    if asked.sent:
        try:
            return _made(asked)
        except ValidationError as error:
            problem = sentence(error)
        except (RegularsError, ValueError) as error:
            problem = str(error)
    status = one_of(asked, "status", STATUSES)
    values = {
        "coupons": asked.crm.coupons(status=status, as_of=asked.as_of, known_at=asked.known_at),
        "status": status,
        "statuses": STATUSES,
        "typed": asked.form,
        "problem": problem[:1].upper() + problem[1:],
        "makes": asked.may("owner") and asked.as_of is None and asked.known_at is None,
    }
    return Shown(template="coupons.html", values=values, status=400 if problem else 200, fragment="coupons")


def _made(asked: Asked) -> Answer:
    typed = {name: text for name in _FIELDS if (text := asked.form.get(name, "").strip())}
    command = CreateCoupon.model_validate({**typed, "personal": asked.form.get("personal") == "yes"})
    outcome = asked.do(command)
    address = f"/coupons/{quote(command.coupon_id, safe='')}"
    return GoTo(address=asked.links.to(address), said=said(asked, outcome))


PAGE = Page(path="/coupons", title=N_("Coupons"), handler=show, in_navigation=True, sends=True)
