"""Extensions at the command line: named by --extension, or installed; never because a store says so."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import regulars
from parcel import EXTENSION, SendParcel
from regulars import RegisterCustomer
from saying import Say

BY_NAME = ("--extension", "parcel:EXTENSION")
SEND = ("do", "SendParcel", "customer=shop:1", "parcel_id=P-1", "address=12 Long Lane")


@pytest.fixture
def shop(say: Say) -> Say:
    """A store with Ada in it, in the working folder."""
    say("do", "RegisterCustomer", "ref=shop:1", "name=Ada", "--currency", "EUR")
    return say


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The entry points of a distribution that is installed, to be written by the test."""
    site = tmp_path / "site"
    (site / "parcels-1.0.dist-info").mkdir(parents=True)
    (site / "parcels-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: parcels\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(site)
    return site / "parcels-1.0.dist-info" / "entry_points.txt"


def test_its_commands_are_listed_and_done(shop: Say) -> None:
    assert "SendParcel" in shop(*BY_NAME, "commands").out
    assert "SendParcel" not in shop("commands").out
    assert "parcel P-1 sent" in shop(*BY_NAME, *SEND).out
    assert shop(*BY_NAME, *SEND, "--json").json["changed"] is False
    assert "sent parcel P-1 to shop:1" in shop(*BY_NAME, "audit").out
    assert shop(*BY_NAME, "status", "--json").json["missing_extensions"] == []
    assert "address: 12 Long Lane" in shop(*BY_NAME, "export-person", "shop:1").out


@pytest.mark.parametrize("words", ["mood", "=good", "mood="])
def test_what_is_no_verdict_of_an_extension_is_refused(shop: Say, words: str) -> None:
    refused = shop("customers", "--having", words)
    assert refused.status == 2
    assert f'it takes NAME=VALUE, not "{words}"' in " ".join(refused.err.replace("│", "").split())
    unknown = shop("customers", "--having", "mood=good")
    assert unknown.status == 2
    assert "beside stage, tier, risk there are value" in " ".join(unknown.err.replace("│", "").split())
    assert "asked for twice" in shop("customers", "--having", "mood=good", "--having", "mood=bad").err


def test_without_it_each_command_says_what_is_missing_and_goes_on(shop: Say) -> None:
    shop(*BY_NAME, *SEND)
    for words in (("status",), ("audit",), ("verify",), ("show", "shop:1"), ("customers",)):
        said = shop(*words)
        assert said.status == 0
        assert 'this store needs the extension "parcels", which isn\'t here' in said.err
    assert "ParcelSent" in shop("audit", "--json").out
    assert 'this store needs the extension "parcels"' in " ".join(shop("status").out.split())
    assert shop("status").widest <= 80
    (missing,) = shop("status", "--json").json["missing_extensions"]
    assert "--extension MODULE:NAME" in missing
    assert "parcels" in shop("verify", "--json").out
    refused = shop(*SEND)
    assert refused.status == 2
    assert 'there is no command "SendParcel"' in " ".join(refused.err.split())


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("parcel", "named as MODULE:NAME"),
        ("nowhere_at_all:extension", "ModuleNotFoundError"),
        ("parcel:nothing", "AttributeError"),
        ("parcel:AGGREGATE", "is no Extension"),
        ("broken:extension", "ZeroDivisionError"),
        ("leaving:extension", "SystemExit"),
    ],
)
def test_what_is_no_extension_is_a_usage_error(shop: Say, reference: str, said: str) -> None:
    Path("broken.py").write_text("1 / 0\n")
    Path("leaving.py").write_text("raise SystemExit(3)\n")
    refused = shop("--extension", reference, "status")
    assert refused.status == 2
    assert "--extension" in refused.err
    assert said in refused.err
    assert refused.out == ""


def test_a_module_may_stand_in_the_working_folder(shop: Say) -> None:
    Path("my_parcels.py").write_text("from parcel import EXTENSION as extension\n")
    assert shop("--extension", "my_parcels:extension", *SEND).status == 0
    assert sys.path[0] != str(Path.cwd())


def test_two_of_one_name_are_refused_in_a_sentence(shop: Say) -> None:
    Path("more.py").write_text(
        "from parcel import AGGREGATE\nfrom regulars import Extension\nextension = Extension('more', (AGGREGATE,))\n"
    )
    refused = shop(*BY_NAME, "--extension", "more:extension", "status")
    assert refused.status == 1
    assert 'in the extension "parcels" and in the extension "more"' in refused.err


def test_what_is_installed_is_there_by_itself_and_once(shop: Say, installed: Path) -> None:
    installed.write_text("[regulars.extensions]\nparcels = parcel:EXTENSION\n")
    assert shop(*SEND).status == 0
    assert shop(*BY_NAME, "status").status == 0  # named, too: it is the same one
    assert "sent parcel P-1 to shop:1" in shop("audit").out


def test_a_program_gets_only_what_it_passes(tmp_path: Path, installed: Path) -> None:
    installed.write_text("[regulars.extensions]\nparcels = parcel:EXTENSION\n")
    with regulars.open(tmp_path / "shop.db", extensions=(EXTENSION,)) as crm:
        crm.do([RegisterCustomer(ref="shop:1"), SendParcel(customer="shop:1", parcel_id="P-1")])
    with regulars.open(tmp_path / "shop.db") as crm:
        assert [each.name for each in crm.missing_extensions] == ["parcels"]


def test_an_installed_one_that_cannot_be_had_is_one_sentence(shop: Say, installed: Path) -> None:
    installed.write_text("[regulars.extensions]\nparcels = nowhere_at_all:EXTENSION\n")
    refused = shop("status")
    assert refused.status == 1
    assert 'the installed extension "parcels": nowhere_at_all:EXTENSION can\'t be imported' in refused.err


def test_it_goes_with_copies_backups_and_imports(shop: Say) -> None:
    shop(*BY_NAME, *SEND)
    assert shop(*BY_NAME, "copy", "regulars.db", "copy.db").status == 0
    assert shop(*BY_NAME, "backup", "backup.db").status == 0
    assert shop(*BY_NAME, "restore", "backup.db", "restored.db").status == 0
    for name in ("copy.db", "restored.db"):
        assert "sent parcel P-1 to shop:1" in shop(*BY_NAME, "--db", name, "audit").out
    Path("map.toml").write_text(
        'format = "csv"\n[[command]]\ndo = "SendParcel"\n[command.fields]\ncustomer = "{who}"\nparcel_id = "{parcel}"\n'
    )
    Path("parcels.csv").write_text("who,parcel\nshop:1,P-7\n")
    assert shop("import", "parcels.csv", "--mapping", "map.toml").status == 1
    assert shop(*BY_NAME, "import", "parcels.csv", "--mapping", "map.toml").status == 0
