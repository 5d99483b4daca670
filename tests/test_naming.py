"""Whether a text names a person: surely, maybe, or in any way that gives them away."""

from __future__ import annotations

import unicodedata

import hypothesis
import pytest
from hypothesis import strategies as st

from regulars.adapters.vault.mentions import Details, Names
from regulars.adapters.vault.misread import is_misread, other_readings
from regulars.adapters.vault.normal_form import bare, plain


def named(*, ref: str = "", name: str = "", email: str = "", phone: str = "") -> Names:
    details = {"refs": ref, "names": name, "emails": email, "phones": phone}
    return Names(Details(**{kind: frozenset({each}) for kind, each in details.items() if each}))


ADA = named(ref="shop:4", name="Ada Lovelace", email="ada@example.com", phone="+49 30 123456")
JOSE = named(ref="shop:7", name="José Müller-Groß", email="josé@example.com.", phone="+49 30 1234567")


# --------------------------------------------------------------------------------------------------------------- surely


@pytest.mark.parametrize(
    "text",
    [
        "shop:4",
        "1997-01-01,shop:4,5.00",
        'no customer has the reference "shop:4"',
        "that was shop:4.",
        "SHOP:4;x",
        "ｓｈｏｐ：４",
        "Ada <Ada@Example.com>",
        "mailto:ada@example.com?subject=x",
        "a\u200bda@example.com\u2069",
        '{"mail":"ada@example.com"}',
        "call +49 30 123456 today",
        "call +4930123456 today",
        "call +49-30-(12)3456, today",
        "call 0049 (0)30 / 123.456 twice, 2 days ago",
        "+49\u00a030\u00a0123456",
        "\u202a+٤٩ ٣٠ ١٢٣٤٥٦\u202c",
    ],
)
def test_a_reference_an_e_mail_or_a_phone_number_is_found_however_it_is_typed(text: str) -> None:
    assert ADA.are_in(text)
    assert ADA.may_be_in(text)
    assert ADA.betrayed_by(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4",
        "shop:42",
        "shop:4:1",
        "shop:4-1",
        "my-shop:4",
        "ada@example.com.au",
        "nada@example.com",
        "dr.ada@example.com",
        "+49 30 1234567",
        "+49 30 9123456",
        "20249123456",
        "123456789",
        "Ada",
    ],
)
def test_what_is_somebody_elses_is_not(text: str) -> None:
    assert not ADA.are_in(text)
    assert not ADA.may_be_in(text)


@pytest.mark.parametrize("text", ["Ada Lovelace", "030 123456", "123456"])
def test_what_others_may_have_too_is_not_sure(text: str) -> None:
    assert not ADA.are_in(text)
    assert ADA.may_be_in(text)


# ---------------------------------------------------------------------------------------------------------------- maybe


@pytest.mark.parametrize(
    "text",
    [
        "JOSÉ MÜLLER-GROSS",
        unicodedata.normalize("NFD", "José Müller-Groß"),
        "Jose Mueller-Gross",
        "Jose Muller Gros\u00ads",
        "8,Müller\u2011Groß,5,José",
        "Müllergross,  José",
        "Jose\u0301\u00a0Müller-Groß's cat",
        "josé_müller-groß",
        "JOSE@EXAMPLE.COM",
        "030 / 123 45 67",
        "+49 (0) 30 1234567",
        "+49 030 1234567",
        "490301234567",
        "1234567, extension 2",
        "7,,030.1234567 2.50",
        "Gross-Mueller,  José",
        "Josefa Müller-Großmann",
        "+43 (0) 30 / 1234567",
        "order 991234567",
    ],
)
def test_whoever_may_be_meant_is_found_in_any_spelling(text: str) -> None:
    assert JOSE.may_be_in(text)
    assert JOSE.betrayed_by(text) is not None


@pytest.mark.parametrize(
    "text", ["José", "Müller-Groß", "José Müller", "José Vermüller-Groß", "34567", "234567890", "+49 40 4567"]
)
def test_part_of_a_name_or_of_a_number_may_be_anybodys(text: str) -> None:
    assert not JOSE.may_be_in(text)


def test_a_number_without_its_country_is_found_with_any() -> None:
    assert named(phone="030 1234567").may_be_in("+49 30 1234567")
    assert not named(phone="030 1234567").are_in("+49 30 1234567")


def test_in_a_script_without_spaces_a_name_stands_anywhere() -> None:
    wang = named(name="王小明")
    assert wang.may_be_in("王小明先生")
    assert wang.betrayed_by("应王小明先生要求") is not None
    assert not wang.may_be_in("王先生")


@hypothesis.given(st.text(), st.text(min_size=1), st.text())
def test_a_name_with_a_letter_is_found_as_it_is(before: str, name: str, after: str) -> None:
    hypothesis.assume(any(each.isalnum() for each in bare(name)))
    assert named(name=name).may_be_in(f"{before},{name},{after}")
    assert named(ref=name).may_be_in(name)


@hypothesis.given(st.text())
def test_texts_are_compared_in_one_form_whatever_form_they_came_in(text: str) -> None:
    for form in (plain, bare):
        once = form(text)
        assert form(once) == once
        assert form(unicodedata.normalize("NFD", text)) == form(unicodedata.normalize("NFC", text))


# -------------------------------------------------------------------------------------------------------- any spelling

MARKED = {"ä": "a ae", "ö": "o oe", "ü": "u ue", "å": "a aa", "ø": "o oe", "ß": "ss", "é": "e", "ñ": "n", "ł": "l"}
letters = st.sampled_from("abdegjmortuz" + "".join(MARKED))
words_of_names = st.text(letters, min_size=3, max_size=8).filter(lambda word: len(bare(word)) > 2)
ENDINGS = ("", "s", "'s", "mann")
blanks = st.sampled_from([" ", "  ", "\u00a0", "\u2009", "\u200b ", "\t"])


@st.composite
def spellings(draw: st.DrawFn, words: list[str], endings: tuple[str, ...] = ("",)) -> str:
    """Some words in any order, case, form of Unicode and spacing, with or without marks, each with an ending."""
    pieces = []
    for word in draw(st.permutations(words)):
        written = "".join(draw(st.sampled_from([each, *MARKED.get(each, "").split()])) for each in word)
        cased = draw(st.sampled_from([str.upper, str.lower, str.title]))(written)
        form = draw(st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
        pieces.append(unicodedata.normalize(form, cased) + draw(st.sampled_from(endings)))
    first, *others = pieces
    comma = draw(st.sampled_from(["", ","]))
    return "".join([first, comma, *(draw(blanks) + each for each in others)])


@st.composite
def dialled(draw: st.DrawFn, national: str) -> str:
    """A German number, as somebody dials it from home or abroad, grouped in any way."""
    before = draw(st.sampled_from(["+49", "0049", "0", "+49 (0)", "(+49) ", "49", "+49\u00a0"]))
    written = before
    for place, digit in enumerate(national):
        sign = draw(st.sampled_from(["", "", "", " ", "-", "/", ".", "\u00a0", " / ", "\u2011"])) if place else ""
        written += sign + digit
    wide = {ord("0") + n: 0xFF10 + n for n in range(10)}
    return draw(st.sampled_from([written, f"\u202a{written}\u202c", written.translate(wide)]))


@hypothesis.given(st.data(), st.lists(words_of_names, min_size=1, max_size=3))
def test_a_name_is_found_in_any_spelling(data: st.DataObject, words: list[str]) -> None:
    known = named(name=data.draw(spellings(words)))
    written = data.draw(spellings(words, ENDINGS))
    assert known.may_be_in(f'8,O1,2026-01-05,"{written}",5.00')
    assert known.betrayed_by(f"{written} asked") is not None
    for word in words:
        assert known.betrayed_by(f"asked by {data.draw(spellings([word], ENDINGS))}") is not None


@hypothesis.given(st.data(), st.text("0123456789", min_size=8, max_size=10).map(lambda digits: "3" + digits))
def test_a_phone_number_is_found_however_it_was_and_is_dialled(data: st.DataObject, national: str) -> None:
    known, written = named(phone=data.draw(dialled(national))), data.draw(dialled(national))
    assert known.may_be_in(f"8,O1,2026-01-05,{written},5.00")
    assert known.betrayed_by(f"called from {written}") is not None


@hypothesis.given(st.data(), words_of_names)
def test_an_address_is_found_in_any_spelling(data: st.DataObject, local: str) -> None:
    form, cased = data.draw(st.sampled_from(["NFC", "NFD"])), data.draw(st.sampled_from([str.upper, str.lower]))
    written = unicodedata.normalize(form, cased(f"{local}@example.com"))
    around = data.draw(st.sampled_from(["{}", "mailto:{}", "<{}>", "{},", "{}\u200b", "\u00a0{}", "{}."]))
    known = named(email=f"{local}@example.com")
    assert known.may_be_in(f"8,O1,2026-01-05;{around.format(written)};5.00")
    assert known.betrayed_by(f"asked by {around.format(written)}") is not None


# --------------------------------------------------------------------------------------------------- in other encodings


def read_as_utf_8(text: str, encoding: str) -> str:
    """A text as an import keeps it that was written in another encoding."""
    read = text.encode(encoding).decode("utf-8", "surrogateescape")
    return read.encode("utf-8", "backslashreplace").decode()


@pytest.mark.parametrize(
    "encoding", ["cp1252", "iso8859_15", "cp437", "cp850", "mac-roman", "utf-16-le", "utf-16-be", "utf-16"]
)
@pytest.mark.parametrize(
    "text",
    ["José Müller-Groß", "8,O1,JOSÉ  MÜLLER GROSS", '"Müller-Groß, José"', "Mueller-Groß,José", "josé@example.com"],
)
def test_whoever_may_be_meant_is_found_in_bytes_that_are_no_utf_8(text: str, encoding: str) -> None:
    text = text if encoding in ("cp1252", "utf-16-le", "utf-16-be", "utf-16") else text.replace("É", "é")
    row = read_as_utf_8(f"8,ö,{text},5.00", encoding)
    assert is_misread(row)
    assert JOSE.may_be_misread_in(row)
    assert not JOSE.may_be_misread_in(read_as_utf_8("8,ö,Jörg Mäller-Groß,5.00", encoding))


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("name", ["Иван Петров", "王小明", "Lech Wałęsa"])
def test_a_line_of_utf_16_is_read_as_such(name: str, encoding: str, start: int) -> None:
    row = "\0" * start + read_as_utf_8(f"8,O1,{name},5.00", encoding)
    assert is_misread(row)
    assert any(named(name=name).may_be_in(each) for each in other_readings(row))


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
@pytest.mark.parametrize("name", ["José Müller", "Zoë Ünlü", "André Ngô"])
def test_utf_8_that_was_read_in_a_western_encoding_is_read_as_such(name: str, encoding: str) -> None:
    row = f"8,O1,{name},5.00".encode().decode(encoding)
    assert any(named(name=name).may_be_in(each) for each in other_readings(row))


def test_whose_name_has_no_letter_that_all_encodings_share_may_be_in_any_bytes() -> None:
    row = read_as_utf_8("8,O1,Пётр,5.00", "koi8-r")
    assert named(name="Иван").may_be_misread_in(row)
    assert not named(name="Bo").may_be_misread_in(row)


# ----------------------------------------------------------------------------------------------------------- given away


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("mr müller asked", "its word 2 "),
        ("José asked", "its word 1 "),
        ("wrote to Josés lawyer", "its word 3 "),
        ("MUELLERS wish", "its word 1 "),
        ("Gross, J., asked", "its word 1 "),
        ("see shop 7", "a reference"),
        ("see SHOP-7.", "a reference"),
        ("mail from josé (at) example.com", "an e-mail address"),
        ("jose at example.com wrote", "an e-mail address"),
        ("called from 123 45 67", "a phone number"),
    ],
)
def test_no_part_of_a_name_may_be_in_a_reason(reason: str, told: str) -> None:
    found = JOSE.betrayed_by(reason)
    assert found is not None
    assert told in found


@pytest.mark.parametrize("reason", ["on request", "Art. 17 GDPR, 2024-05-01", "ticket 123", "7 years without an order"])
def test_a_reason_that_names_nobody_is_taken(reason: str) -> None:
    assert JOSE.betrayed_by(reason) is None
    assert ADA.betrayed_by(reason) is None


def test_a_name_of_short_words_is_found_by_its_first_and_its_last() -> None:
    bo = named(name="Bo de la O")
    assert bo.betrayed_by("Bo asked") is not None
    assert bo.betrayed_by("de la asked") is None
    assert bo.betrayed_by("both asked") is None
    assert bo.may_be_in("O, Bo de la")


def test_what_makes_a_reference_theirs_is_enough() -> None:
    assert named(ref="shop:12345").betrayed_by("customer 12345 asked") is not None
    assert named(ref="shop:17").betrayed_by("Art. 17") is None


# -------------------------------------------------------------------------------------------------------- who is nobody


def test_who_is_called_nothing_is_named_nowhere() -> None:
    for nobody in (Names(), named(ref=" ", name="?!", email=".", phone="-")):
        for text in ("", "shop:4", "?", ",,"):
            assert not nobody.are_in(text)
            assert not nobody.may_be_in(text)
            assert not nobody.are_cut_in(text)
            assert nobody.betrayed_by(text) is None


def test_a_short_number_is_found_only_as_it_was_written() -> None:
    short = named(phone="11 0")
    assert short.are_in("call 11 0")
    assert short.may_be_in("call 11  0")
    assert not short.may_be_in("110,59.90")


def test_a_row_that_could_not_be_read_has_only_the_end_of_a_reference() -> None:
    assert ADA.are_cut_in('"4,Ada')
    assert not ADA.are_cut_in('"42,Ada')
