"""`value`, `forecast` and `model` at the command line."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
import python_calamine

import regulars
from populations import BEGIN, buy, lives
from regulars import RegisterCustomer
from saying import Once, Say


@pytest.fixture
def shop(say: Say, once: Once) -> Say:
    """Ada is worth something, Bo less; they are too few for a model."""

    def trade() -> None:
        for ref, name in (("ada", "Ada"), ("bo", "Bo")):
            say("do", "RegisterCustomer", f"ref={ref}", f"name={name}", "--currency", "EUR")
        for number, (ref, amount) in enumerate((("ada", "150"), ("ada", "90"), ("bo", "20"))):
            say("do", "RecordPurchase", f"customer={ref}", f"order_id=A-{number}", f"amount={amount}")

    once(trade)
    return say


def test_values_are_listed_and_summed_up(shop: Say) -> None:
    said = shop("value").out
    assert [line.split()[:4] for line in said.splitlines()][1:3] == [
        ["ada", "Ada", "mid", "240.00"],
        ["bo", "Bo", "low", "20.00"],
    ]
    assert ["in", "all", "2", "260.00", "2"] in [line.split() for line in said.splitlines()]
    assert max(map(len, said.splitlines())) <= 80
    found = shop("value", "--json").json
    assert [each["ref"] for each in found["customers"]] == ["ada", "bo"]
    assert [(each["band"], each["net_spend"]) for each in found["bands"]] == [
        ("low", "20.00"),
        ("mid", "240.00"),
        ("high", "0.00"),
    ]
    assert "The first 1 of 2" in shop("value", "--limit", "1").out
    rows = list(csv.DictReader(io.StringIO(shop("value", "--csv", "--band", "low").out)))
    assert [(row["ref"], row["net_spend"], row["buying_days"]) for row in rows] == [("bo", "20.00", "1")]
    assert shop("value", "--as-of", "2001-01-01").out == "Nobody had bought anything by then.\n"


def test_the_bands_are_drawn(shop: Say) -> None:
    assert shop("value", "--svg", "v.svg").out == "Drawn into v.svg.\n"
    root = ElementTree.parse("v.svg").getroot()
    told = "".join(root.find("{http://www.w3.org/2000/svg}desc").itertext())  # type: ignore[union-attr]
    assert told.endswith("low, n = 1: net spend 20. mid, n = 1: net spend 240. high, n = 0: net spend 0.")
    assert shop("value", "--svg", "v.svg").status == 1  # there is one
    assert shop("value", "--svg", "v.svg", "--force", "--as-of", "2001-01-01").status == 0


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (("value", "--band", "top"), 2, 'no band is called "top"; the rules have low, mid, high'),
        (("value", "--json", "--csv"), 2, "choose one of them"),
        (("value", "--json", "--svg", "v.svg"), 2, "choose one of them"),
        (("value", "--limit", "3", "--svg", "v.svg"), 2, "choose one of them"),
        (("value", "--force"), 2, "it means something only together with --svg"),
        (("forecast", "--discount", "2"), 2, 'a share a year from 0 to 1, such as 0.10, not "2"'),
        (("forecast", "ada", "--limit", "3"), 2, "they mean something only for a list"),
        (("forecast", "ada", "--xlsx", "f.xlsx"), 2, "they mean something only for a list"),
        (("forecast",), 1, "no model was fitted; `regulars model fit` fits one"),
        (("model", "show"), 1, "no model was fitted"),
        (("model", "show", "7"), 1, "no model was fitted"),
        (("model", "fit", "--horizon", "36h"), 2, "a horizon is a number of whole days from 1 to 3650, not 1.50"),
        (("model", "fit", "--horizon", "0d"), 2, "a horizon is a number of whole days from 1 to 3650, not 0"),
        (("model", "fit", "--horizon", "5200w"), 2, "a horizon is a number of whole days from 1 to 3650, not 36400"),
        (("model", "fit", "--as-of", "2027-06-01"), 2, "as_of is 2027-06-01, which is still to come"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(shop: Say, words: tuple[str, ...], status: int, sentence: str) -> None:
    said = shop(*words)
    assert said.status == status
    assert sentence in " ".join(said.err.replace("│", "").split())


def test_it_can_not_tell_of_two_customers(shop: Say) -> None:
    said = shop("model", "fit")
    assert said.status == 1
    assert "Can't tell: a model takes at least 30 customers" in said.out
    assert shop("model", "fit", "--json").json["model"] is None
    assert shop("model", "list").out == "No model was fitted; `regulars model fit` fits one.\n"


def test_a_model_is_fitted_shown_and_forecast_by(say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regulars.modelling.fitting.REPLICATES", 20)
    path = str(tmp_path / "busy.db")
    with regulars.open(path, currency="EUR", actor="li") as crm:
        told = lives(90, 3)
        crm.do([RegisterCustomer(ref=each, occurred_at=BEGIN) for each in sorted({who for who, *_ in told})])
        crm.do([buy(*each) for each in told])
    monkeypatch.setattr("regulars.cli.opening.system_clock", lambda: BEGIN + timedelta(days=400))
    at = ("--as-of", "2024-12-26", "--db", path)
    said = say("model", "fit", *at).out
    assert all(word in said for word in ("Model 1", "MBG/NBD", "Gamma-Gamma", "90 % interval", "held out"))
    assert say("model", "show", "1", "--db", path).out == said
    again = say("model", "fit", *at).out
    assert again == f"Nothing was recorded: model 1 was fitted to the same data.\n\n{said}"
    assert say("model", "fit", "--json", *at).json["changed"] is False
    assert say("model", "show", "7", "--db", path).err == "regulars: there is no model 7; the only one is 1\n"
    assert say("model", "show", "--json", "--db", path).json["number"] == 1
    [fit] = say("model", "list", "--json", "--db", path).json
    assert (fit["customers"], fit["horizon_days"], fit["as_of"][:10]) == (90, 365, "2024-12-26")
    before = ("--as-of", "2024-10-01", "--db", path)
    assert "no model was fitted to what was bought up to 2024-10-01;" in say("forecast", *before).err
    for words in (("--limit", "1"), ("c1",)):
        told_ahead = say("forecast", *words, "--model", "1", *before).out
        assert "Looking ahead: model 1 was fitted to data from after 2024-10-01, too." in told_ahead
    assert say("forecast", "--json", "--model", "1", *before).json["looks_ahead"] is True
    assert say("model", "fit", *before).status == 0
    assert say("forecast", "--json", *before).json["model"] == 2
    listed = say("forecast", "--limit", "3", *at).out
    assert "Looking ahead" not in listed
    assert "The first 3 of 90" in listed
    assert "All 90 together" in listed
    found = say("forecast", "--json", *at).json
    assert (len(found["customers"]), found["model"], found["annual_rate"]) == (90, 1, "0.10")
    first = found["customers"][0]
    one = say("forecast", first["ref"], *at)
    assert "still buys" in one.out
    assert say("forecast", first["ref"], "--json", *at).json["value"] == first["value"]
    rows = list(csv.DictReader(io.StringIO(say("forecast", "--csv", "--limit", "2", *at).out)))
    assert [row["value"] for row in rows] == [each["value"]["expected"] for each in found["customers"][:2]]
    assert say("forecast", "--xlsx", "f.xlsx", "--limit", "2", *at).out == "2 rows in f.xlsx\n"
    header, *sheet = python_calamine.CalamineWorkbook.from_path("f.xlsx").get_sheet_by_index(0).to_python()
    assert header == list(rows[0])
    for told in (dict(zip(header, row, strict=True)) for row in sheet):
        assert {type(told[name]) for name in ("p_alive", "orders", "value_high", "annual_rate", "model")} == {float}
    assert [row[header.index("value")] for row in sheet] == [float(row["value"]) for row in rows]
    for text in (said, listed, one.out, say("model", "list", "--db", path).out):
        assert max(map(len, text.splitlines())) <= 80
