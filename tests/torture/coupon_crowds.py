"""Eight processes redeem one coupon and the same person's code, and void orders meanwhile; some of them are killed.

Its limits are held at every position of the log, and what was redeemed is what was acknowledged.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from random import Random

import regulars
from regulars import (
    Command,
    CouponRedeemed,
    CouponReleased,
    CreateCoupon,
    IssueCoupon,
    PurchaseRecorded,
    PurchaseVoided,
    RecordPurchase,
    RegisterCustomer,
    Regulars,
    RegularsError,
    VoidPurchase,
)
from torture.journal import Journal, Told, read_journal
from torture.killing import KILLED, PATIENCE, light, started
from torture.shop import fresh_store, opened, require_kept, require_sound
from torture.tally import Tally

WRITERS, SHOPPERS = 8, 6
IN_ALL, PER_PERSON = 7, 3


def write(url: str, path: str, name: str, seed: int, rounds: int, code: str, fuse: int | None) -> None:
    """Every order is with the scarce coupon or the one code, and every third or so is voided again."""
    journal, dice = Journal(Path(path)), Random(seed)
    with opened(url, actor=name) as crm:
        light(fuse)
        for number in range(rounds):
            order = f"{name}-{number}"
            coupon, who = (code, 0) if dice.random() < 0.3 else ("scarce", dice.randrange(SHOPPERS))
            bought = RecordPurchase(
                customer=f"shop:{who}", order_id=order, amount="9.00", coupon=coupon, command_id=f"{order}-bought"
            )
            transactions: list[list[Command]] = [[bought]]
            if dice.random() < 0.4:
                transactions.append([VoidPurchase(order_id=order, command_id=f"{order}-voided")])
            for place, commands in enumerate(transactions):
                journal.ask(2 * number + place, commands)
                try:
                    outcomes = crm.do(commands)
                except RegularsError as error:
                    journal.refuse(2 * number + place, str(error))
                    break
                journal.acknowledge(2 * number + place, outcomes)


def coupon_crowd(kind: str, server: str | None, rounds: int, dice: Random) -> Tally:
    """Eight processes write so many orders each; two of them may be killed at any moment. A fault is an order."""
    with tempfile.TemporaryDirectory() as name, fresh_store(kind, server, Path(name)) as url:
        with opened(url) as crm:
            crm.do([RegisterCustomer(ref=f"shop:{number}") for number in range(SHOPPERS)])
            crm.do(CreateCoupon(coupon_id="SCARCE", percent=10, in_all=IN_ALL, per_person=PER_PERSON))
            crm.do([CreateCoupon(coupon_id="ONCE", amount="1", personal=True)])
            crm.do(IssueCoupon(customer="shop:0", coupon_id="ONCE"))
            code = crm.coupon_codes("shop:0")[0].code
        journals = [Path(name) / f"till-{index}" for index in range(WRITERS)]
        with ExitStack() as stack:
            writers = []
            for index, path in enumerate(journals):
                fuse = dice.randint(1_000, 200_000) if index < 2 else None
                seed = dice.randrange(2**32)
                writers.append(stack.enter_context(started(write, url, str(path), path.name, seed, rounds, code, fuse)))
            for writer in writers:
                writer.join(PATIENCE + rounds)
                assert writer.exitcode in (0, KILLED)
        told = [read_journal(path) for path in journals]
        with opened(url) as crm:
            require_limits(crm)
            require_acknowledged(crm, told)
            settle(crm, told)
            checked = require_kept(crm, told)
            require_limits(crm)
            require_sound(crm)
    return Tally(rounds=rounds, faults=sum(len(each.asked) for each in told), acknowledged=checked)


def settle(crm: Regulars, told: list[Told]) -> None:
    """Ask once more for what nobody knows of; somebody else may have used the coupon meanwhile."""
    for each in told:
        for number, commands in each.unanswered.items():
            try:
                crm.do(commands)
            except RegularsError as error:
                each.refused[number] = str(error)


def require_limits(crm: Regulars) -> None:
    """At no position more than the limits stand; and each use is that of an order that wasn't voided."""
    uses: dict[str, dict[str, str]] = {"SCARCE": {}, "ONCE": {}}
    standing: dict[str, str | None] = {}
    for recorded in crm.events():
        match recorded.event:
            case PurchaseRecorded() as event:
                standing[event.order_id] = event.coupon
            case PurchaseVoided() as event:
                del standing[event.order_id]
            case CouponRedeemed() as event:
                uses[event.coupon_id][event.order_id] = event.customer_id
            case CouponReleased() as event:
                del uses[event.coupon_id][event.order_id]
            case _:
                continue
        assert len(uses["SCARCE"]) <= IN_ALL
        assert len(uses["ONCE"]) <= 1
        theirs = list(uses["SCARCE"].values())
        assert all(theirs.count(each) <= PER_PERSON for each in theirs)
    for coupon_id, found in uses.items():
        assert {order for order, coupon in standing.items() if coupon == coupon_id} == found.keys()
        assert {each.order_id for each in crm.coupon(coupon_id).uses} == found.keys()


def require_acknowledged(crm: Regulars, told: list[Told]) -> None:
    """Whose order was acknowledged and not voided has redeemed its coupon; what was refused was for a limit."""
    uses = {each.order_id for coupon_id in ("SCARCE", "ONCE") for each in crm.coupon(coupon_id).uses}
    for each in told:
        done = [command for number in each.acknowledged for command in each.asked[number]]
        voided = {command.order_id for command in done if isinstance(command, VoidPurchase)}
        maybe = {
            command.order_id
            for commands in each.unanswered.values()
            for command in commands
            if isinstance(command, VoidPurchase)
        }
        bought = {command.order_id for command in done if isinstance(command, regulars.RecordPurchase)}
        assert bought - voided - maybe <= uses
        assert not voided & uses
        assert all("used" in why for why in each.refused.values()), each.refused
