"""One contract: what was signed and where it stands; amended, renewed, ended."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from regulars.crm_domain.contract import AmendContract, EndContract, RenewContract
from regulars.web.console.acts import Act, done, said
from regulars.web.console.page import Answer, Asked, GoTo, Page, Shown
from regulars.web.console.words import N_

_RUNNING = frozenset({"upcoming", "active"})
ACTS: Mapping[str, Act] = {
    "renew": Act(RenewContract, ("until",), _RUNNING),
    "amend": Act(AmendContract, ("amount", "end", "renewal_months", "notice_days", "note"), _RUNNING),
    "end": Act(EndContract, ("on", "cause", "detail"), _RUNNING),
}


def show(asked: Asked) -> Answer:
    """The contract as of an instant, or what was done about it."""
    contract_id = asked.at["contract"]
    if asked.sent:
        outcome = done(asked, ACTS, contract_id=contract_id)
        return GoTo(address=asked.links.to(f"/contracts/{quote(contract_id, safe='')}"), said=said(asked, outcome))
    found = asked.crm.contract(contract_id, as_of=asked.as_of, known_at=asked.known_at)
    is_now = asked.as_of is None and asked.known_at is None
    acts = [name for name, act in ACTS.items() if is_now and found.contract.status in act.states]
    if found.contract.end is None and found.contract.renewal_months is None and "renew" in acts:
        acts.remove("renew")  # what has no end goes on by itself
    return Shown(template="contract.html", values={"found": found, "contract": found.contract, "acts": acts})


PAGE = Page(path="/contracts/{contract:path}", title=N_("Contract"), handler=show, sends=True)
