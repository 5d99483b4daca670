"""Mail that is logged: messages written out by hand, as programs of all kinds write them, found by their addresses."""

from __future__ import annotations

import gzip
import mailbox
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from itertools import permutations
from pathlib import Path

import pytest

import regulars
from regulars import ChangeContactDetails, InteractionRecorded, MailReport, MergeCustomers, NotFound, RegisterCustomer
from regulars.adapters.importing import mbox
from saying import NOW, Say
from shops import Clock, opened

MINE = ("me@firm.example",)
FROM_ADA = b"""\
From: Ada Lovelace <ada@example.com>
To: me@firm.example
Subject: An invoice
Date: Mon, 8 Jan 2024 10:00:00 +0100
Message-ID: <1@example.com>

Could you send it again?
"""
TO_BOB = b"""\
From: Me <ME@firm.example>
To: "Bob, the builder" <bob@example.com>, ada@example.com
Cc: stranger@example.com
Subject: The offer
Date: Tue, 9 Jan 2024 09:30:00 GMT
Message-ID: <2@firm.example>

Here it is.
"""


def mail(*headers: str, body: str = "Hello", message_id: str = "<x@example.com>") -> bytes:
    """A message whose headers replace those of one from Ada."""
    given = {
        "From": "ada@example.com",
        "To": "me@firm.example",
        "Date": "Mon, 8 Jan 2024 10:00:00 +0100",
        "Message-ID": message_id,
    }
    told = dict(each.split(": ", 1) for each in headers)
    lines = [f"{name}: {value}" for name, value in (given | told).items() if value]
    return "\n".join([*lines, "", body, ""]).encode()


def begin(crm: regulars.Regulars) -> None:
    """Ada and Bob are known."""
    crm.do([RegisterCustomer(ref="ada", email="Ada@Example.com"), RegisterCustomer(ref="bob", email="bob@example.com")])


@pytest.fixture
def crm(database_url: str) -> Iterable[regulars.Regulars]:
    with opened(database_url, Clock(NOW)) as crm:
        begin(crm)
        yield crm


@pytest.fixture
def shop(sqlite_database_url: str) -> Iterable[regulars.Regulars]:
    with opened(sqlite_database_url, Clock(NOW)) as crm:
        begin(crm)
        yield crm


def written(folder: Path, content: bytes, name: str = "mail.eml") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def logged(crm: regulars.Regulars, who: str) -> list[tuple[datetime, str, str | None]]:
    """What is recorded of a customer: when, in which direction, and what was said."""
    found = crm.events(types=(InteractionRecorded,), customer=who)
    return sorted(
        (datetime.fromtimestamp(each.occurred_at / 1e6, UTC), each.event.direction, each.event.summary)
        for each in found
    )


def summary_of(crm: regulars.Regulars, folder: Path, content: bytes) -> str | None:
    """What is kept of a mail from Ada."""
    report = crm.import_mail(written(folder, content), mine=MINE)
    assert (report.recorded, report.rejected) == (1, 0), report
    [(_, _, summary)] = logged(crm, "ada")
    return summary


# ------------------------------------------------------------------------------------------------- whose, and when


def test_a_mail_is_a_conversation_of_whoever_wrote_it_or_got_it(crm: regulars.Regulars, tmp_path: Path) -> None:
    content = (
        b"From ada@example.com Mon Jan  8 09:00:00 2024\n" + FROM_ADA + b"\nFrom - Tue Jan 09 09:30:00 2024\n" + TO_BOB
    )
    report = crm.import_mail(written(tmp_path, content, "all.mbox"), mine=MINE)
    assert (report.mails, report.recorded, report.unknown) == (2, 3, (("stranger@example.com", 1),))
    nine, half_past_nine = datetime(2024, 1, 8, 9, tzinfo=UTC), datetime(2024, 1, 9, 9, 30, tzinfo=UTC)
    assert logged(crm, "ada") == [
        (nine, "inbound", "An invoice\n\nCould you send it again?"),
        (half_past_nine, "outbound", "The offer\n\nHere it is."),
    ]
    assert logged(crm, "bob") == [(half_past_nine, "outbound", "The offer\n\nHere it is.")]
    assert crm.customer("ada").last_heard_at == nine


def test_the_same_file_again_changes_nothing(crm: regulars.Regulars, tmp_path: Path) -> None:
    path = written(tmp_path, TO_BOB)
    crm.import_mail(path, mine=MINE)
    before = crm.event_count
    again = crm.import_mail(path, mine=MINE)
    assert (again.recorded, again.unchanged, crm.event_count) == (0, 1, before)


def test_a_copy_with_other_words_is_the_same_mail(shop: regulars.Regulars, tmp_path: Path) -> None:
    shop.import_mail(written(tmp_path, FROM_ADA), mine=MINE)
    copied = shop.import_mail(written(tmp_path, FROM_ADA + b"-- \nsent by a mailing list\n", "copy.eml"), mine=MINE)
    assert (copied.recorded, copied.unchanged, copied.rejected) == (0, 1, 0)


def test_files_in_any_order_lead_to_the_same_answers(tmp_path: Path) -> None:
    mails = [FROM_ADA, TO_BOB, mail("Date: Sun, 7 Jan 2024 08:00:00 +0000", message_id="<3@example.com>")]
    answers = []
    for number, order in enumerate(permutations(mails)):
        with opened(str(tmp_path / f"{number}.db"), Clock(NOW)) as crm:
            crm.do(
                [
                    RegisterCustomer(ref="ada", email="ada@example.com"),
                    RegisterCustomer(ref="bob", email="bob@example.com"),
                ]
            )
            for content in order:
                crm.import_mail(written(tmp_path, content), mine=MINE)
            answers.append((logged(crm, "ada"), logged(crm, "bob"), crm.customer("ada").last_heard_at))
    assert all(each == answers[0] for each in answers)


def test_a_dry_run_says_the_same_and_keeps_nothing(crm: regulars.Regulars, tmp_path: Path) -> None:
    path = written(tmp_path, TO_BOB)
    before = crm.event_count
    tried = crm.import_mail(path, mine=MINE, dry_run=True)
    assert (tried.recorded, tried.dry_run, crm.event_count) == (2, True, before)
    assert crm.import_mail(path, mine=MINE).recorded == 2


def test_a_former_address_finds_whose_it_was(shop: regulars.Regulars, tmp_path: Path) -> None:
    shop.do(ChangeContactDetails(customer="ada", email="new@example.com"))
    assert shop.import_mail(written(tmp_path, FROM_ADA), mine=MINE).recorded == 1


def test_who_has_two_addresses_in_a_mail_gets_it_once_and_again_nothing(
    shop: regulars.Regulars, tmp_path: Path
) -> None:
    path = written(tmp_path, TO_BOB.replace(b"stranger@", b"a@"))
    shop.import_mail(path, mine=MINE)
    shop.do(ChangeContactDetails(customer="ada", email="a@example.com"))
    assert shop.import_mail(path, mine=MINE).recorded == 0
    assert len(logged(shop, "ada")) == 1


def test_what_is_logged_while_merged_stays_with_whose_address_it_is(shop: regulars.Regulars, tmp_path: Path) -> None:
    shop.do(MergeCustomers(customer="bob", into="ada"))
    report = shop.import_mail(written(tmp_path, TO_BOB.replace(b"ada@", b"nobody@")), mine=MINE)
    assert report.recorded == 1
    shop.do(regulars.UndoMerge(customer="bob"))
    assert (len(logged(shop, "ada")), len(logged(shop, "bob"))) == (0, 1)


def test_an_address_of_two_customers_tells_nothing(shop: regulars.Regulars, tmp_path: Path) -> None:
    shop.do(RegisterCustomer(ref="ada's double", email="ada@example.com"))
    report = shop.import_mail(written(tmp_path, FROM_ADA), mine=MINE)
    assert (report.recorded, report.nobody, report.shared) == (0, 1, (("ada@example.com", 1),))


def test_forgetting_erases_what_was_logged(crm: regulars.Regulars, tmp_path: Path) -> None:
    path = written(tmp_path, FROM_ADA)
    crm.import_mail(path, mine=MINE)
    ada = crm.customer("ada").id
    crm.forget("ada", reason="asked for it")
    assert logged(crm, ada) == [(datetime(2024, 1, 8, 9, tzinfo=UTC), "inbound", None)]
    assert not crm.search("invoice").found
    again = crm.import_mail(path, mine=MINE)
    assert (again.recorded, again.nobody) == (0, 1)


@pytest.mark.parametrize(
    ("content", "counted"),
    [
        (mail("From: me@firm.example", "To: me@firm.example"), "between_us"),
        (mail("Auto-Submitted: auto-replied (vacation)"), "automatic"),
        (mail("Auto-Submitted: no"), "recorded"),
        (mail("From: stranger@example.com", "To: me@firm.example, ada@example.com"), "nobody"),
    ],
)
def test_what_is_no_conversation_with_a_customer_is_counted(
    shop: regulars.Regulars, tmp_path: Path, content: bytes, counted: str
) -> None:
    report = shop.import_mail(written(tmp_path, content), mine=MINE)
    assert getattr(report, counted) == 1
    assert report.recorded == (counted == "recorded")


def test_a_domain_of_ours_is_ours(shop: regulars.Regulars, tmp_path: Path) -> None:
    path = written(tmp_path, mail("From: Kim <kim@Firm.example>", "To: ada@example.com"))
    shop.import_mail(path, mine=["@firm.example"])
    assert [direction for _, direction, _ in logged(shop, "ada")] == ["outbound"]


@pytest.mark.parametrize("mine", [(), ("me",), ("@",), ("a@b@c",)])
def test_our_own_addresses_are_needed(shop: regulars.Regulars, tmp_path: Path, mine: Sequence[str]) -> None:
    with pytest.raises(ValueError, match="address"):
        shop.import_mail(written(tmp_path, FROM_ADA), mine=mine)


# ------------------------------------------------------------------------------------------------------------- dates


@pytest.mark.parametrize(
    ("date", "at"),
    [
        ("Mon, 8 Jan 2024 10:00:00 +0100", "2024-01-08T09:00:00Z"),
        ("8 Jan 2024 10:00 +0530 (IST)", "2024-01-08T04:30:00Z"),
        ("Mon,  8 Jan 24 10:00:00 EST", "2024-01-08T15:00:00Z"),
        ("Mon, 8 Jan 2024 10:00:00 -0000", "2024-01-08T10:00:00Z"),
        ("Mon, 8 Jan 2024 10:00:00 XYZ", "2024-01-08T10:00:00Z"),  # RFC 5322, 4.3: an unknown zone is -0000
        ("Mon, 8 Jan 2024 10:00:00", "2024-01-08T09:00:00Z"),  # the business is in Berlin
        ("2024-01-08T10:00:00+01:00", "2024-01-08T09:00:00Z"),
        ("Mon, 8 Jan 2024\n 10:00:00 +0100", "2024-01-08T09:00:00Z"),
    ],
)
def test_a_date_is_read_in_its_zone(shop: regulars.Regulars, tmp_path: Path, date: str, at: str) -> None:
    shop.import_mail(written(tmp_path, mail(f"Date: {date}")), mine=MINE)
    [(sent_at, _, _)] = logged(shop, "ada")
    assert sent_at == datetime.fromisoformat(at)


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        (["Date: "], "expected when it was sent in Date, found nothing"),
        (["Date: yesterday"], "expected a time in Date such as Mon, 5 Jan 2026 10:00:00 +0100, found"),
        (["Date: Mon, 38 Jan 2024 10:00:00 +0100"], "expected a time in Date such as"),
        (["Date: Mon, 8 Jan 2024 10:00:00 +9900"], "expected a time in Date such as"),
        (["Date: Thu, 01 Jan 1970 00:00:00 +0000"], "expected a time in Date since there is e-mail"),
        (["Date: Mon, 8 Jan 2124 10:00:00 +0100"], "lies in the future"),
        (["From: nobody in particular"], "expected who wrote it in From, found no e-mail address"),
    ],
)
def test_what_can_t_be_read_is_refused_in_a_sentence_and_kept_apart(
    shop: regulars.Regulars, tmp_path: Path, headers: list[str], why: str
) -> None:
    report = shop.import_mail(written(tmp_path, mail(*headers)), mine=MINE)
    assert (report.mails, report.recorded, report.rejected) == (1, 0, 1)
    [reject] = report.rejects
    assert why in reject.reason
    assert list(shop.rejects()) == [reject]
    assert "Hello" not in reject.text
    shop.import_mail(written(tmp_path, FROM_ADA), mine=MINE)  # the file, mended
    assert not shop.rejects()


def test_a_refused_mail_of_somebody_forgotten_is_dropped(shop: regulars.Regulars, tmp_path: Path) -> None:
    shop.import_mail(written(tmp_path, mail("Date: yesterday")), mine=MINE)
    assert len(shop.rejects()) == 1
    shop.forget("ada", reason="asked for it")
    assert not shop.rejects()


# -------------------------------------------------------------------------------------------------------------- texts

ALTERNATIVES = """\
--b
Content-Type: text/html; charset=utf-8

<p>with <b>marks</b></p>
--b
Content-Type: text/plain; charset=utf-8

without
--b--"""
NESTED = f"""\
--outer
Content-Type: multipart/related; boundary=inner

--inner
Content-Type: multipart/alternative; boundary=b

{ALTERNATIVES}

--inner
Content-Type: image/png
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--inner--
--outer
Content-Type: text/plain; name=notes.txt
Content-Disposition: attachment; filename=notes.txt

attached
--outer
Content-Type: message/rfc822

From: other@example.com

forwarded
--outer--"""


def test_encoded_words_are_decoded(shop: regulars.Regulars, tmp_path: Path) -> None:
    content = mail(
        "Subject: =?utf-8?B?UsO8Y2tmcmFnZQ==?= =?iso-8859-1?Q?_zur_Gr=F6=DFe?=",
        "From: =?utf-8?Q?Lovelace=2C_Ada?= <ada@example.com>",
    )
    assert summary_of(shop, tmp_path, content) == "Rückfrage zur Größe\n\nHello"


def test_the_plain_text_is_taken_and_attachments_are_counted(shop: regulars.Regulars, tmp_path: Path) -> None:
    content = mail("MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=outer", body=NESTED)
    report = shop.import_mail(written(tmp_path, content), mine=MINE)
    assert report.attachments == 3
    [(_, _, summary)] = logged(shop, "ada")
    assert summary == "without"


def test_html_alone_is_stripped(shop: regulars.Regulars, tmp_path: Path) -> None:
    body = (
        "<html><head><title>no</title><style>p { color: red }</style></head><body><p>Dear&nbsp;Li,</p>"
        "<script>alert(1)</script><div>2 &lt; 3<br>and so on</div></body></html>"
    )
    content = mail("MIME-Version: 1.0", "Content-Type: text/html; charset=utf-8", body=body)
    assert summary_of(shop, tmp_path, content) == "Dear Li,\n\n2 < 3\nand so on"


@pytest.mark.parametrize(
    ("charset", "encoded"),
    [
        ("iso-8859-1", "Grüße".encode("latin-1")),
        ("utf-8", "Grüße".encode("latin-1")),  # it isn't what it says
        ("no-such-charset", "Grüße".encode()),
        ("", "Grüße".encode()),
        ("gb2312", "Grüße".encode()),
    ],
)
def test_broken_encodings_are_read_as_far_as_they_can_be(
    shop: regulars.Regulars, tmp_path: Path, charset: str, encoded: bytes
) -> None:
    kind = f"Content-Type: text/plain; charset={charset}" if charset else "Content-Type: text/plain"
    content = mail("MIME-Version: 1.0", kind, "Content-Transfer-Encoding: 8bit", body="BODY").replace(b"BODY", encoded)
    assert summary_of(shop, tmp_path, content) == "Grüße"


def test_quoted_printable_and_soft_breaks_are_decoded(shop: regulars.Regulars, tmp_path: Path) -> None:
    content = mail(
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
        body="Gr=C3=BC=\n=C3=9Fe =3D",
    )
    assert summary_of(shop, tmp_path, content) == "Grüße ="


@pytest.mark.parametrize(
    "content",
    [
        mail("Subject: =?utf-8?B?not base64?=", "Reply-To: <<<>>>", "Cc: ,,;:@@<"),
        mail("MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=never"),
        mail("MIME-Version: 1.0", "Content-Type: multipart/mixed"),
        mail("Content-Type: ;;;=", "Content-Transfer-Encoding: whatever"),
        mail("Content-Transfer-Encoding: base64", body="*** no base64 ***"),
        mail(body="\x00\x1b[31m\x85 \ud7ff"),
        mail().replace(b"\n", b"\r\n"),
        mail().replace(b"Message-ID", b"Message-ID\xff\xfe"),
    ],
)
def test_a_mail_that_is_broken_elsewhere_is_taken(shop: regulars.Regulars, tmp_path: Path, content: bytes) -> None:
    report = shop.import_mail(written(tmp_path, content), mine=MINE)
    assert (report.recorded, report.rejected) == (1, 0)


def test_parts_within_parts_without_end_are_refused(shop: regulars.Regulars, tmp_path: Path) -> None:
    body = "".join(f"--b{n}\nContent-Type: multipart/mixed; boundary=b{n + 1}\n\n" for n in range(3_000))
    content = mail("MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=b0", body=body)
    report = shop.import_mail(written(tmp_path, content), mine=MINE)
    assert [each.reason for each in report.rejects] == ["its parts are nested too deeply to be read"]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), b"just words\n"])
def test_what_is_no_mail_is_refused_or_nothing(shop: regulars.Regulars, tmp_path: Path, content: bytes) -> None:
    report = shop.import_mail(written(tmp_path, content), mine=MINE)
    assert report.recorded == 0
    assert report.rejected == bool(content.strip())


# ---------------------------------------------------------------------------------------------------------- mailboxes


def test_a_mailbox_of_the_standard_library_is_read_mail_by_mail(shop: regulars.Regulars, tmp_path: Path) -> None:
    """The library writes it, with whatever it quotes."""
    texts = ["From now on, call me.\n\nFrom me\n", "short", "From Berlin at 10:00 in 2024\n", ">From quoted\n"]
    box = mailbox.mbox(tmp_path / "all.mbox")
    for number, text in enumerate(texts):
        message = EmailMessage()
        message["From"], message["To"] = "ada@example.com", "me@firm.example"
        message["Date"] = f"Mon, 8 Jan 2024 10:00:0{number} +0000"
        message["Message-ID"] = f"<{number}@example.com>"
        message.set_content(text)
        box.add(message)
    box.close()
    assert shop.import_mail(tmp_path / "all.mbox", mine=MINE).recorded == len(texts)
    # What the library writes as it is though it begins so, `>From`, loses a mark: it can't be told apart.
    assert [text for _, _, text in logged(shop, "ada")] == [*(each.strip() for each in texts[:3]), "From quoted"]


def test_a_sentence_that_begins_with_from_divides_no_mail(shop: regulars.Regulars, tmp_path: Path) -> None:
    content = b"From x Mon Jan  8 09:00:00 2024\n" + mail(body="One\n\nFrom now on two\n\n>From three")
    report = shop.import_mail(written(tmp_path, content, "all.mbox"), mine=MINE)
    assert report.mails == 1
    assert [text for _, _, text in logged(shop, "ada")] == ["One\n\nFrom now on two\n\nFrom three"]


def test_a_compressed_mailbox_is_read(shop: regulars.Regulars, tmp_path: Path) -> None:
    content = b"From x Mon Jan  8 09:00:00 2024\r\n" + FROM_ADA.replace(b"\n", b"\r\n")
    assert shop.import_mail(written(tmp_path, gzip.compress(content), "all.mbox.gz"), mine=MINE).recorded == 1


def test_of_a_huge_mail_the_beginning_is_read(
    shop: regulars.Regulars, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mbox, "MOST_READ", 1_000)
    content = (
        b"From x Mon Jan  8 09:00:00 2024\n" + mail(body="word " * 100_000) + b"\nFrom x Mon Jan  8 09:00:00 2024\n"
    )
    report = shop.import_mail(written(tmp_path, content + FROM_ADA, "all.mbox"), mine=MINE)
    assert (report.mails, report.recorded, report.cut) == (2, 2, 1)


def test_a_mail_without_a_message_id_is_known_by_what_it_says(shop: regulars.Regulars, tmp_path: Path) -> None:
    for _ in range(2):
        shop.import_mail(written(tmp_path, mail(message_id="")), mine=MINE)
    shop.import_mail(written(tmp_path, mail(message_id="", body="Hello again")), mine=MINE)
    assert [text for _, _, text in logged(shop, "ada")] == ["Hello", "Hello again"]


def test_nothing_of_a_message_id_or_an_address_is_kept_in_the_clear(
    shop: regulars.Regulars, tmp_path: Path, sqlite_database_url: str
) -> None:
    shop.import_mail(written(tmp_path, FROM_ADA), mine=MINE)
    [event] = shop.events(types=(InteractionRecorded,))
    assert event.event.interaction_id is not None
    assert len(event.event.interaction_id) == len("mail:") + 32
    shop.close()
    stored = b"".join(each.read_bytes() for each in tmp_path.glob("*.db*"))
    assert stored
    for personal in (b"1@example.com", b"ada@example.com", b"invoice"):
        assert personal not in stored


# --------------------------------------------------------------------------------------------------- the command line


def test_the_command_line_says_what_it_did(say: Say, tmp_path: Path) -> None:
    say("do", "RegisterCustomer", "ref=ada", "email=ada@example.com", "--currency", "EUR")
    written(tmp_path, TO_BOB, "a.eml")
    written(tmp_path, mail("Date: yesterday"), "b.eml")
    said = say("import-mail", "a.eml", "b.eml", "--mine", "me@firm.example")
    assert (said.status, said.widest <= 80) == (1, True)
    assert "conversations recorded  1" in said.out
    assert "bob@example.com" in said.out
    assert "b.eml, line 1  expected a time in Date such as" in said.out
    told = say("import-mail", "a.eml", "--mine", "me@firm.example", "--json").json
    assert (told["mails"], told["recorded"], told["unchanged"]) == (1, 0, 1)
    assert told["unknown"] == [
        {"address": "bob@example.com", "mails": 1},
        {"address": "stranger@example.com", "mails": 1},
    ]


def test_the_command_line_refuses_in_a_sentence(say: Say, tmp_path: Path) -> None:
    say("do", "RegisterCustomer", "ref=ada", "--currency", "EUR")
    written(tmp_path, FROM_ADA)
    assert "name your own addresses" in say("import-mail", "mail.eml").err
    assert say("import-mail", "none.eml", "--mine", "me@firm.example").err == "regulars: there is no file none.eml\n"
    Path("empty.eml").touch()
    empty = say("import-mail", "empty.eml", "--mine", "me@firm.example")
    assert (empty.status, empty.err) == (0, "regulars: there is no mail in empty.eml\n")


def test_a_file_that_isn_t_there_or_is_cut_off_is_said(shop: regulars.Regulars, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="can't be read"):
        shop.import_mail(tmp_path / "none.mbox", mine=MINE)
    cut = gzip.compress(FROM_ADA * 1_000)[:-20]
    with pytest.raises(regulars.StoreUnusable, match="damaged or cut off"):
        shop.import_mail(written(tmp_path, cut, "all.mbox.gz"), mine=MINE)


def test_a_report_adds_up(shop: regulars.Regulars, tmp_path: Path) -> None:
    report: MailReport = shop.import_mail(written(tmp_path, TO_BOB), mine=MINE)
    assert report == MailReport(mails=1, recorded=2, unknown=(("stranger@example.com", 1),))
