"""A rule is changed without fear: looked at, published, brought back; and read models are found and repaired."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import regulars
from regulars import RecordPurchase, RegisterCustomer, as_toml, cli, default_rules, parse_rules
from regulars.adapters.store.builds import versions_of
from regulars.cli import difference
from regulars.projections.registry import REGISTRY
from saying import NOW, Say

JANUARY, MARCH = (datetime(2024, month, 10, 12, tzinfo=UTC) for month in (1, 3))
DIGEST = default_rules().digest()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Ada has spent 120, Bob 60, and Dora 160, of which 60 were only told in March. Silver begins at 150."""
    path, now = tmp_path / "shop.db", JANUARY
    with regulars.open(path, currency="EUR", actor="li", clock=lambda: now) as crm:
        for ref, name, amount in (("1", "Ada", "120.00"), ("2", "Bob", "60.00"), ("3", "Dora", "100.00")):
            crm.do(RegisterCustomer(ref=f"shop:{ref}", name=name))
            crm.do(RecordPurchase(customer=f"shop:{ref}", order_id=f"{name}-1", amount=amount))
        now = MARCH
        crm.do(RecordPurchase(customer="shop:3", order_id="Dora-2", amount="60.00", occurred_at=JANUARY))
    return path


@pytest.fixture
def ask(say: Say, shop: Path) -> Say:
    return lambda *words: say("--db", str(shop), *words)


@pytest.fixture
def wish(tmp_path: Path) -> str:
    """Silver from 100, in a file."""
    file = tmp_path / "rules.toml"
    file.write_text(as_toml(default_rules()).replace('from = "150"', 'from = "100"'), encoding="utf-8")
    return str(file)


@contextmanager
def database(path: Path) -> Iterator[sqlite3.Connection]:
    """The file, without anybody who knows what is right."""
    with closing(sqlite3.connect(path)) as connection:
        yield connection
        connection.commit()


def refs(ask: Say, *words: str) -> list[str]:
    return sorted(each["ref"] for each in ask("customers", "--json", *words).json)


# ------------------------------------------------------------------------------------------------------- the story


def test_rules_are_shown_checked_compared_published_and_brought_back(ask: Say, wish: str) -> None:
    new = parse_rules(Path(wish).read_text("utf-8")).digest()
    assert ask("rules", "check", wish).out == f"ok {new}\n"
    assert refs(ask, "--tier", "silver") == ["shop:3"]

    done = ask("rules", "publish", wish, "--reason", "silver from 100", "--actor", "ada")
    assert (done.status, done.err) == (0, "")
    assert done.out == f"Published: version 2, rules {new[:12]}, is in force; generation 2 answers.\n"
    assert refs(ask, "--tier", "silver") == ["shop:1", "shop:3"]
    assert refs(ask, "--tier", "silver", "--rules", "1") == ["shop:3"]
    assert ask("rules", "show", "--json").json["digest"] == new

    again = ask("rules", "publish", wish, "--reason", "again", "--json")
    assert again.json == {"number": 2, "digest": new, "generation": 2, "changed": False, "begun_afresh": []}
    assert "in force already, as version 2; nothing changed" in ask("rules", "publish", wish, "--reason", "x").out

    back = ask("rules", "rollback", "--reason", "too many complained")
    assert back.out == f"Rolled back: version 3, rules {DIGEST[:12]}, is in force; generation 1 answers.\n"
    assert refs(ask, "--tier", "silver") == ["shop:3"]

    [published] = ask("audit", "--type", "RulesPublished", "--json").json
    assert (published["actor"], published["reason"]) == ("ada", "silver from 100")
    history = ask("rules", "history", "--json").json
    assert [(each["number"], each["digest"], each["in_force"]) for each in history] == [
        (1, DIGEST, False),
        (2, new, False),
        (3, DIGEST, True),
    ]
    table = ask("rules", "history")
    assert table.widest <= 80
    assert table.out.splitlines()[3].startswith("3 (in force)  ")


def test_nothing_can_be_rolled_back_where_nothing_was_published(ask: Say) -> None:
    said = ask("rules", "rollback", "--reason", "why not")
    assert (said.status, said.err.count("\n")) == (1, 1)
    assert "nothing to roll back" in said.err


# ------------------------------------------------------------------------------------------------- files with rules


def test_what_is_shown_is_a_file_of_the_same_rules(ask: Say, tmp_path: Path) -> None:
    shown = ask("rules", "show")
    (tmp_path / "shown.toml").write_text(shown.out, encoding="utf-8")
    assert (shown.status, shown.err) == (0, "")
    assert ask("rules", "check", "shown.toml", "--json").json == {
        "ok": True,
        "digest": DIGEST,
        "holidays_listed": {},
    }
    assert ask("rules", "show", "--version", "1").out == shown.out
    assert ask("rules", "show", "--version", "2").status == 1


def test_objections_name_every_key_one_a_line(say: Say, tmp_path: Path, wish: str) -> None:
    text = Path(wish).read_text("utf-8").replace("hold_days", "hold_day").replace('id = "dormant"', 'id = "Dormant"')
    (tmp_path / "wrong.toml").write_text(text, encoding="utf-8")
    said = say("rules", "check", "wrong.toml")
    assert (said.status, said.out) == (1, "")
    lines = said.err.splitlines()
    assert lines[0] == "regulars: wrong.toml breaks the grammar of rules:"
    assert [line.split(":")[0] for line in lines[1:]] == [
        "  lifecycle.stage[5].id",
        "  tier.hold_days",
        "  tier.hold_day",
    ]
    answer = say("rules", "check", "wrong.toml", "--json")
    assert (answer.status, answer.json["ok"], len(answer.json["objections"])) == (1, False, 4)


@pytest.mark.parametrize("content", [b"\xff", b"a = ", b"a = " + b"[" * 5000, b"a = " + b"9" * 5000, b""])
def test_what_is_no_rules_at_all_is_refused(say: Say, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "no.toml").write_bytes(content)
    said = say("rules", "check", "no.toml")
    assert said.status == 1
    assert said.err.startswith("regulars: no.toml ")
    assert say("rules", "check", "nowhere.toml").status == 1


# ------------------------------------------------------------------------------------------------ what rules may ask

BY_SPEND = """
[[lifecycle.stage]]
id = "patron"
stage = "patron"
when = [
  { fact = "spend", from = "100.00", within_days = 365 },
  { fact = "tagged", has = ["vip"], lacks = ["press"] },
  { fact = "owner", in = ["max", "li"] },
  { fact = "open_tickets", below = 1 },
]
"""


def test_rules_ask_what_was_spent_how_they_are_tagged_and_who_looks_after_them(ask: Say, tmp_path: Path) -> None:
    text = ask("rules", "show").out
    may = ("--as-of", "2024-05-31")
    (tmp_path / "patrons.toml").write_text(
        text.replace("[[lifecycle.stage]]", f"{BY_SPEND.strip()}\n[[lifecycle.stage]]", 1), encoding="utf-8"
    )
    for who in ("shop:1", "shop:2"):
        ask("do", "TagCustomer", f"customer={who}", "label=vip", "occurred_at=2024-05-01T12:00:00Z")
        ask("do", "AssignOwner", f"customer={who}", "owner=li", "occurred_at=2024-05-01T12:00:00Z")
    assert ask("rules", "check", "patrons.toml").status == 0

    [move] = [
        each for each in ask("rules", "diff", "patrons.toml", "--json").json["moves"] if each["verdict"] == "stage"
    ]
    assert (move["ref"], move["to"]) == ("shop:1", "patron")
    assert move["new"]["sentence"] == "net spend of 120.00 within 365 days (at least 100.00)"

    assert ask("rules", "publish", "patrons.toml", "--reason", "patrons").status == 0
    assert refs(ask, "--stage", "patron", *may) == ["shop:1"]
    ask("do", "TagCustomer", "customer=shop:1", "label=press", "occurred_at=2024-05-02T12:00:00Z")
    assert refs(ask, "--stage", "patron", *may) == []
    ask("do", "UntagCustomer", "customer=shop:1", "label=press", "occurred_at=2024-05-03T12:00:00Z")
    assert refs(ask, "--stage", "patron", *may) == ["shop:1"]
    assert refs(ask, "--stage", "patron", "--as-of", "2025-01-08") == ["shop:1"]
    assert refs(ask, "--stage", "patron", "--as-of", "2025-01-09") == []  # 365 days after the order
    said = ask("explain", "shop:1", "--as-of", "2024-06-01").out
    assert "tagged vip (each of vip)" in said
    assert "looked after by li (one of li, max)" in said
    shown = ask("rules", "show").out
    assert '\nfact = "spend"\nfrom = "100"\nwithin_days = 365\n' in shown
    (tmp_path / "shown.toml").write_text(shown, encoding="utf-8")
    assert ask("rules", "diff", "shown.toml", "--json").json["moves"] == []
    assert ask("verify").status == 0


@pytest.mark.parametrize(
    ("wrong", "objection"),
    [
        (
            'from = "100.00"',
            'lifecycle.stage[0].when[0].from: found 100; expected an amount in quotes, such as "150.00"',
        ),
        ('has = ["vip"]', "lifecycle.stage[0].when[1]: tagged is a set and takes any of `has`, `any` and `lacks`"),
        ('"owner"', 'lifecycle.stage[0].when[2].fact: found "owners", allowed: account_closed, '),
    ],
)
def test_a_condition_that_makes_no_sense_is_named_with_its_key(
    ask: Say, tmp_path: Path, wrong: str, objection: str
) -> None:
    right = {'from = "100.00"': "from = 100", 'has = ["vip"]': 'in = ["vip"]', '"owner"': '"owners"'}
    rung = BY_SPEND.strip().replace(wrong, right[wrong])
    text = ask("rules", "show").out.replace("[[lifecycle.stage]]", f"{rung}\n[[lifecycle.stage]]", 1)
    (tmp_path / "wrong.toml").write_text(text, encoding="utf-8")
    said = ask("rules", "check", "wrong.toml", "--json")
    assert said.status == 1
    assert any(line.startswith(objection) for line in said.json["objections"])


# ------------------------------------------------------------------------------------------------------ the difference


def test_a_difference_says_who_moves_why_and_what_they_are_worth(ask: Say, wish: str) -> None:
    said = ask("rules", "diff", wish)
    assert (said.status, said.err) == (0, "")
    *lines, command = said.out.splitlines()
    assert command == f"  regulars rules publish {wish} --reason TEXT"
    assert max(map(len, lines)) <= 80
    assert said.out.startswith(f"Rules {DIGEST[:12]} → ")
    assert "as of 2024-06-01 14:00 CEST.\n3 customers looked at. 1 of them would move.\n" in said.out
    assert (
        "Tier: 1 would move, worth 120.00 EUR in the last 365 days\n  from \\ to  silver\n  member          1\n"
        in said.out
    )
    assert re.search(
        r"\nshop:1 · Ada +tier +member → silver +120\.00\n  old  member: .*\n.*\n  new  silver: ", said.out
    )
    assert refs(ask, "--tier", "silver") == ["shop:3"]


def test_a_difference_for_machines_has_every_move_and_explains_the_first(ask: Say, wish: str) -> None:
    found = ask("rules", "diff", wish, "--json").json
    assert (found["old"], found["customers"], found["currency"]) == (DIGEST, 3, "EUR")
    assert found["moved"] == {"stage": [], "tier": [{"from": "member", "to": "silver", "customers": 1}], "risk": []}
    assert found["worth"]["tier"] == "120.00"
    [move] = found["moves"]
    assert (move["ref"], move["verdict"], move["from"], move["to"]) == ("shop:1", "tier", "member", "silver")
    assert (move["old"]["clause"], move["new"]["clause"]) == ("member", "silver")
    [bare] = ask("rules", "diff", wish, "--json", "--limit", "0").json["moves"]
    assert bare == {name: value for name, value in move.items() if name not in ("name", "old", "new")}


def test_a_difference_for_machines_names_everybody_by_their_reference(ask: Say, tmp_path: Path) -> None:
    rules = ask("rules", "show").out
    for band, score in {"medium = 25": 1, "high = 50": 2, "critical = 75": 3}.items():
        rules = rules.replace(band, f"{band.split()[0]} = {score}")
    (tmp_path / "bands.toml").write_text(rules)
    moves = ask("rules", "diff", "bands.toml", "--json", "--limit", "0").json["moves"]
    assert len(moves) > 1
    ids = {each["ref"]: each["id"] for each in ask("customers", "--json").json}
    assert {move["ref"]: move["id"] for move in moves}.items() <= ids.items()


def test_nobody_moves_by_the_same_rules_or_before_anything_happened(ask: Say, wish: str, tmp_path: Path) -> None:
    (tmp_path / "same.toml").write_text(ask("rules", "show").out, encoding="utf-8")
    assert ask("rules", "diff", "same.toml").out.endswith("3 customers looked at. Nobody would move.\n")
    assert ask("rules", "diff", wish, "--as-of", "2023-01-01", "--json").json["moves"] == []


def test_more_values_than_a_matrix_has_room_for_stand_in_a_list(
    ask: Say, wish: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(difference, "MATRIX_VALUES", 0)
    assert "  member → silver  1\n" in ask("rules", "diff", wish).out


def test_a_risk_that_moves_because_of_its_bands_alone_says_so(ask: Say, tmp_path: Path) -> None:
    rules = ask("rules", "show").out
    scores = {each["ref"]: each["risk"] for each in ask("customers", "--json").json}
    (tmp_path / "bands.toml").write_text(rules.replace("critical = 75", f"critical = {max(scores.values())}"))
    moves = ask("rules", "diff", "bands.toml", "--json").json["moves"]
    assert {(move["ref"], move["to"]) for move in moves} == {
        (ref, "critical") for ref, score in scores.items() if score == max(scores.values())
    }
    assert {move["new"]["clause"] for move in moves} == {"bands"}


# ----------------------------------------------------------------------------------- as known then, by which rules


def test_a_list_is_asked_as_known_on_a_day_and_by_any_rules(ask: Say, wish: str) -> None:
    assert refs(ask, "--tier", "silver", "--known-at", "2024-02-01") == []
    assert refs(ask, "--tier", "silver", "--known-at", "2024-02-01", "--rules", wish) == ["shop:1", "shop:3"]
    assert refs(ask, "--tier", "silver", "--rules", wish) == ["shop:1", "shop:3"]
    said = ask("customers", "--as-of", "2024-02-01", "--known-at", "2024-02-01", "--rules", wish)
    new = parse_rules(Path(wish).read_text("utf-8")).digest()
    assert said.out.splitlines()[0] == f"As of 2024-02-01, as known on 2024-02-01, by rules {new[:12]}"
    assert said.err == ""
    ask("rules", "publish", wish, "--reason", "silver from 100")
    # The day before, the first rules were in force.
    assert refs(ask, "--tier", "silver", "--known-at", "2024-05-31") == ["shop:3"]
    assert refs(ask, "--tier", "silver", "--known-at", "2024-05-31", "--rules", "current") == ["shop:1", "shop:3"]


def test_one_customer_is_asked_from_the_same_places(ask: Say, wish: str) -> None:
    dora = ask("show", "shop:3", "--known-at", "2024-02-01")
    assert dora.out.splitlines()[0] == f"As of now, as known on 2024-02-01, by rules {DIGEST[:12]}"
    assert "net spend  100.00 EUR" in dora.out
    assert ask("show", "shop:3", "--known-at", "2024-02-01", "--rules", wish, "--json").json["tier"] == "silver"
    told = ask("timeline", "shop:3", "--known-at", "2024-02-01", "--json").json
    assert len(told["events"]) == 2
    assert told["known_at"] == "2024-02-01T22:59:59.999999+00:00"
    said = ask("explain", "shop:3", "--known-at", "2024-02-01", "--rules", "1")
    assert said.out.splitlines()[1] == f"as known on 2024-02-01, by rules {DIGEST[:12]}"
    assert "Dora-1" in said.out
    assert "Dora-2" not in said.out
    assert ask("show", "shop:3", "--known-at", "2023-12-31").status == 1


def test_values_are_those_of_the_rules_that_judge(ask: Say, tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text(ask("rules", "show").out.replace('"silver"', '"gilded"'), encoding="utf-8")
    assert refs(ask, "--tier", "gilded", "--rules", "other.toml") == ["shop:3"]
    assert ask("customers", "--tier", "silver", "--rules", "other.toml").status == 2
    assert ask("customers", "--tier", "gilded").status == 2


@pytest.mark.parametrize("rules", ["7", "0", "nowhere.toml", "Current", "."])
def test_rules_that_are_not_there_are_refused(ask: Say, rules: str) -> None:
    for words in (("customers",), ("explain", "shop:1")):
        said = ask(*words, "--rules", rules)
        assert (said.status, said.out, said.err.count("\n")) == (1, "", 1)


# ------------------------------------------------------------------------------------------------------- generations


def test_generations_are_listed_rebuilt_gone_back_to_and_dropped(ask: Say, wish: str) -> None:
    def states() -> dict[int, str]:
        return {each["number"]: each["state"] for each in ask("generations", "--json").json}

    refs(ask, "--rules", wish)
    assert states() == {1: "live", 2: "scratch"}
    assert ask("rebuild").out.startswith("Rebuilt: generation 3 answers")
    assert states() == {1: "previous", 2: "scratch", 3: "live"}
    table = ask("generations")
    assert table.widest <= 80
    assert table.out.splitlines()[0].split() == ["Number", "State", "Rules", "Made", "Folded", "up", "to"]
    assert ask("generation", "rollback").out == "Generation 1 answers again.\n"
    assert states() == {1: "live", 2: "scratch", 3: "previous"}
    assert ask("prune").out == "Dropped: generation 2.\n"
    assert ask("prune", "--json").json == {"dropped": []}
    assert ask("rebuild", "--json").json == {"generation": 4, "begun_afresh": [], "put_right": {}}


def test_builds_are_named_with_the_generations_that_share_them(ask: Say, wish: str) -> None:
    def numbers(*words: str) -> dict[str, int]:
        return {each["name"]: each["number"] for each in ask(*words, "--json").json["builds"]}

    before = numbers("status")
    ask("rebuild", "--projection", "loyalty_tier")
    after = numbers("status")
    assert {name for name in after if after[name] != before[name]} == {"loyalty_tier"}
    assert ask("verify", "--json").json["builds"] == after
    lines = [line.split() for line in ask("generations").out.splitlines()]
    folded = f"#{ask('status', '--json').json['events']}"
    assert ["facts", str(after["facts"]), "1,", "2", folded] in lines
    assert ["loyalty_tier", str(after["loyalty_tier"]), "2", folded] in lines
    for words in (("status",), ("verify",), ("generations",)):
        said = ask(*words)
        assert f"loyalty_tier {after['loyalty_tier']}" in " ".join(said.out.split())
        assert said.widest <= 80


def test_rules_are_not_gone_back_on_in_silence(ask: Say, wish: str) -> None:
    assert "no generation was live before" in ask("generation", "rollback").err
    ask("rules", "publish", wish, "--reason", "silver from 100")
    assert "`regulars rules rollback` goes back" in ask("generation", "rollback").err


@pytest.mark.parametrize(
    "words",
    [("rebuild",), ("prune",), ("verify",), ("generations",), ("generation", "rollback"), ("rules", "show")],
)
def test_no_store_is_made_to_look_after(say: Say, tmp_path: Path, words: tuple[str, ...]) -> None:
    said = say(*words)
    assert (said.status, said.out) == (1, "")
    assert said.err.startswith("regulars: there is no store at regulars.db")
    assert list(tmp_path.iterdir()) == []


def test_what_other_code_folded_is_told_in_a_line(ask: Say, shop: Path) -> None:
    ask("status")
    with database(shop) as connection:
        older = json.dumps(versions_of(REGISTRY)["loyalty_tier"] | {"loyalty_tier": 0})
        changed = "UPDATE regulars_builds SET versions = ?, digest = 'older' WHERE name = 'loyalty_tier'"
        connection.execute(changed, (older,))
    said = ask("customers")
    assert said.status == 0
    assert said.err.count("\n") == 1
    assert said.err.startswith(
        "regulars: the read models of this store were folded by other code or rules: loyalty_tier was "
    )
    assert said.err.endswith("`regulars rebuild` folds them again\n")
    assert ".py" not in said.err
    assert ask("status", "--json").json["stale"][0].startswith("loyalty_tier was version ")
    assert "stale      loyalty_tier was version" in ask("status").out
    assert "1 is stale: loyalty_tier was version" in ask("generations").out
    assert ask("rebuild").err == ""
    assert ask("customers").err == ""


# ------------------------------------------------------------------------------------------------- wrong read models


def test_what_is_not_as_the_events_say_is_found_and_put_right(ask: Say, shop: Path) -> None:
    good = ask("verify")
    assert (good.status, good.err) == (0, "")
    assert good.widest <= 80
    stored, folded = (line.split()[1] for line in good.out.splitlines() if line.startswith(("stored ", "folded ")))
    assert stored == folded
    assert good.out.endswith("All is as the events say.\n")

    ada = ask("show", "shop:1", "--json").json["id"]
    with database(shop) as connection:
        statement = (
            "UPDATE regulars_loyalty_tier_1 SET value = 'gold' WHERE valid_to > 4e15 AND "
            "customer = (SELECT position FROM regulars_events WHERE stream_id = ? AND version = 1)"
        )
        assert connection.execute(statement, (ada.removeprefix("id:"),)).rowcount == 1
    bad = ask("verify")
    assert bad.status == 1
    assert bad.widest <= 80
    assert f"loyalty_tier  {ada}\n" in bad.out
    assert "value: gold → member" in bad.out
    answer = ask("verify", "--json")
    assert (answer.status, answer.json["holds"], answer.json["different"]) == (1, False, 1)
    assert answer.json["differences"][0]["stored"]["value"] == "gold"
    assert answer.json["folded"] == folded

    assert "all is as the events say" in ask("rebuild", "--customer", "shop:2").out
    assert ask("rebuild", "--projection", "churn_risk").out.startswith("Rebuilt: generation 2 answers")
    assert ask("rebuild", "--customer", "shop:1").out.startswith("Repaired: ")
    assert ask("verify").out.splitlines()[-4:] == good.out.splitlines()[-4:]  # before that are more indexes, of a build


def test_a_lost_row_is_missing_and_comes_back_with_its_projection(ask: Say, shop: Path) -> None:
    ask("status")
    with database(shop) as connection:
        connection.execute("DELETE FROM regulars_customer_card_1")
    said = ask("verify")
    assert said.status == 1
    assert said.out.count("missing: ") == 3
    assert ask("rebuild").status == 0
    assert ask("verify").status == 0


def test_what_is_asked_of_a_repair_that_makes_no_sense_is_a_usage_error(ask: Say) -> None:
    assert "; there are customer_card, " in ask("rebuild", "--projection", "tier").err
    for words in (("--projection", "tier"), ("--customer", "shop:1", "--park")):
        assert ask("rebuild", *words).status == 2
    assert ask("rebuild", "--customer", "nobody").status == 1


# ------------------------------------------------------------------------------------------------- parked customers


@pytest.fixture
def poisoned(shop: Path) -> Path:
    """Bob's order can't be read."""
    with database(shop) as connection:
        [[position]] = connection.execute(
            "SELECT position FROM regulars_events WHERE CAST(payload AS TEXT) LIKE '%Bob-1%'"
        )
        connection.execute("UPDATE regulars_events SET payload = X'7B' WHERE position = ?", (position,))
    return shop


@pytest.mark.usefixtures("poisoned")
def test_a_parked_customer_is_named_wherever_it_matters(ask: Say) -> None:
    why = "event #4 (PurchaseRecorded) can't be folded ("
    for words in (("show", "shop:2"), ("explain", "shop:2")):
        said = ask(*words)
        assert said.status == 0
        assert said.widest <= 80
        assert f"parked: {why}" in said.out
        assert why in ask(*words, "--json").json["parked"]
    assert "parked" not in ask("show", "shop:1").out
    assert why in ask("status", "--json").json["parked"][0]
    assert "\nparked     id:" in ask("status").out
    verified = ask("verify")
    assert verified.status == 1
    assert "All else is as the events say.\nparked: id:" in verified.out
    assert [each["position"] for each in ask("verify", "--json").json["parked"]] == [4]


@pytest.mark.usefixtures("poisoned")
def test_who_can_not_be_folded_stops_a_rebuild_unless_left_behind(ask: Say, wish: str) -> None:
    ask("status")
    for words in (("rebuild",), ("rules", "publish", wish, "--reason", "x")):
        said = ask(*words)
        assert (said.status, said.out, said.err.count("\n")) == (1, "", 1)
        assert "the live answers were not touched" in said.err
        parked = ask(*words, "--park")
        assert parked.status == 0
        assert parked.err.startswith("regulars: parked: id:")
        assert parked.err.count("\n") == 1
    assert refs(ask, "--tier", "silver") == ["shop:1", "shop:3"]


@pytest.mark.usefixtures("poisoned")
def test_an_event_that_can_not_be_read_is_told_in_a_sentence(ask: Say) -> None:
    for words in (("timeline", "shop:2"), ("audit",)):
        said = ask(*words)
        assert said.status == 1
        assert said.err.startswith("regulars: event #4 (PurchaseRecorded) can't be read: ")


# ----------------------------------------------------------------------------------------------------- stopped


def test_ctrl_c_says_that_answers_were_not_touched(ask: Say, wish: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("regulars.rules_door.publishing.build_beside", interrupt)
    said = ask("rules", "publish", wish, "--reason", "x")
    assert (said.status, said.out) == (cli.INTERRUPTED, "")
    assert " ".join(said.err.split()).startswith("Stopped. The live answers were not touched")
    assert [each["number"] for each in ask("rules", "history", "--json").json] == [1]


def test_only_one_builds_at_a_time(ask: Say, shop: Path) -> None:
    ask("status")
    with database(Path(f"{shop}-building")) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        said = ask("rebuild")
    assert (said.status, said.out, said.err.count("\n")) == (1, "", 1)
    assert "another process is rebuilding this store" in said.err


def test_a_store_that_is_only_read_is_not_rebuilt(shop: Path, tmp_path: Path) -> None:
    with regulars.open(shop, clock=lambda: NOW + timedelta(days=1), read_only=True) as crm:
        with pytest.raises(regulars.StoreUnusable, match="read-only"):
            crm.projections.rebuild()
        with pytest.raises(regulars.StoreUnusable, match="read-only"):
            crm.projections.prune()
    assert [path.name for path in tmp_path.iterdir() if "building" in path.name] == []
