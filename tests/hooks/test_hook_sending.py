"""One attempt at real receivers: what is posted to whom, and what is said of every way in which that goes wrong."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import trustme

import receivers
from receivers import Receiver, receiving
from regulars.hooks import sending
from regulars.hooks.message import Message
from regulars.hooks.sending import Answer, send, trusted
from regulars.hooks.target import parse_target

MESSAGE = Message(body=b'{"a": 1}', headers={"Content-Type": "application/json", "webhook-id": "m-1"})


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def post(url: str, *, allow_local: bool = True, certificates: ssl.SSLContext | None = None) -> Answer:
    target = parse_target(url, allow_local=allow_local)
    return asyncio.run(send(target, MESSAGE, lambda: certificates or trusted(), allow_local=allow_local))


def test_a_message_arrives_as_it_is(receiver: Receiver) -> None:
    answer = post(f"http://localhost:{receiver.port}/hook?token=a%20b")
    assert answer == Answer(status=204)
    [got] = receiver.got
    assert (got.path, got.body) == ("/hook?token=a%20b", MESSAGE.body)
    assert got.headers["host"] == f"localhost:{receiver.port}"
    assert got.headers["webhook-id"] == "m-1"
    assert got.headers["content-type"] == "application/json"


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_2xx_is_taken(receiver: Receiver, status: int) -> None:
    receiver.answer = lambda got: status
    assert post(receiver.url) == Answer(status=status)


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
def test_any_other_status_is_a_failure(receiver: Receiver, status: int) -> None:
    receiver.answer = lambda got: status
    answer = post(receiver.url)
    assert answer == Answer(status=status, failure=f"it answered {status}")
    assert answer.is_gone == (status == 410)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(receiver: Receiver, status: int) -> None:
    receiver.answer = lambda got: (status, {"Location": "/elsewhere"})
    assert post(receiver.url).failure == f"it answered {status}, and redirects are not followed"
    assert [got.path for got in receiver.got] == ["/hook"]


def test_a_receiver_may_ask_for_a_pause(receiver: Receiver) -> None:
    receiver.answer = lambda got: (503, {"Retry-After": "120"})
    assert post(receiver.url).retry_after == timedelta(minutes=2)
    in_an_hour = {"Retry-After": "Sun, 01 Mar 2026 13:00:00 GMT", "Date": "Sun, 01 Mar 2026 12:00:00 GMT"}
    receiver.answer = lambda got: lambda connection: connection.sendall(_head(429, in_an_hour))
    assert post(receiver.url).retry_after == timedelta(hours=1)
    years = f"Sun, 01 Mar {'9' * 30} 13:00:00 GMT"
    for nonsense in ("soon", "-1", "Sun, 99 Mar", years, f"Sun, 01 Mar 2026 13:00:00 +{'9' * 30}"):
        receiver.answer = lambda got, nonsense=nonsense: (503, {"Retry-After": nonsense})  # type: ignore[misc]
        assert post(receiver.url).retry_after is None
    receiver.answer = lambda got: (500, {"Retry-After": "120"})
    assert post(receiver.url).retry_after is None


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = (f"HTTP/1.1 {status} No", *(f"{name}: {value}" for name, value in headers.items()))
    return "\r\n".join((*lines, "Content-Length: 0", "", "")).encode()


def test_a_receiver_that_is_slow_hangs_or_drips_is_given_up_at_the_deadline(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "DEADLINE", 0.5)
    for answer in (receivers.hanging(receiver), receivers.dripping(receiver)):
        receiver.answer = lambda got, answer=answer: answer  # type: ignore[misc]
        assert (post(receiver.url).failure or "").startswith("it gave no answer within")


def test_of_an_answer_nothing_but_its_head_is_read(receiver: Receiver) -> None:
    receiver.answer = lambda got: receivers.pouring
    assert post(receiver.url) == Answer(status=200)


def test_a_receiver_that_breaks_off_or_babbles_is_told_in_our_words(receiver: Receiver) -> None:
    for answer in (receivers.closing, receivers.babbling):
        receiver.answer = lambda got, answer=answer: answer  # type: ignore[misc]
        said = post(receiver.url).failure
        assert said in (
            "it closed the connection without an answer, or answered with something else than HTTP",
            "the connection broke off before an answer came",
        )


def test_where_nobody_listens_that_is_said() -> None:
    with receiving() as gone:
        url = gone.url
    assert post(url) == Answer(failure="nobody listens there")


def test_a_host_without_an_address_is_said() -> None:
    assert "the address of nobody.invalid was not found" in (post("https://nobody.invalid/").failure or "")


def test_nothing_is_posted_to_this_machine_unless_it_is_allowed(receiver: Receiver) -> None:
    for host in ("127.0.0.1", "localhost", "127.1", "2130706433", "[::ffff:127.0.0.1]"):
        said = post(f"https://{host}:{receiver.port}/", allow_local=False).failure or ""
        assert "hooks are sent to global addresses only" in said, host
    assert receiver.got == []


def test_the_environment_names_no_proxy(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert post(receiver.url) == Answer(status=204)
        assert proxy.got == []


# --------------------------------------------------------------------------------------------------------- encrypted


def test_the_certificate_is_held_to_the_name_though_the_address_is_connected_to(authority: trustme.CA) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with receiving(authority.issue_cert("localhost")) as receiver:
        assert post(f"https://localhost:{receiver.port}/hook", certificates=context) == Answer(status=204)
        said = post(f"https://127.0.0.1:{receiver.port}/hook", certificates=context).failure
        assert (said or "").startswith("its certificate is not valid for 127.0.0.1: ")
        assert [got.headers["host"] for got in receiver.got] == [f"localhost:{receiver.port}"]
    with receiving(authority.issue_cert("other.example")) as receiver:
        said = post(f"https://localhost:{receiver.port}/hook", certificates=context).failure
        assert (said or "").startswith("its certificate is not valid for localhost: ")
        assert receiver.got == []


def test_a_certificate_of_nobody_we_trust_is_refused(authority: trustme.CA) -> None:
    with receiving(authority.issue_cert("localhost")) as receiver:
        said = post(f"https://localhost:{receiver.port}/hook", certificates=trusted()).failure
        assert (said or "").startswith("its certificate is not valid for localhost: ")
        assert receiver.got == []


def test_the_machine_may_trust_others(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ours.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ours.pem"))
    with receiving(authority.issue_cert("localhost")) as receiver:
        assert post(f"https://localhost:{receiver.port}/hook", certificates=trusted()) == Answer(status=204)


def test_a_receiver_that_is_not_encrypted_is_refused_where_it_should_be(receiver: Receiver) -> None:
    assert post(f"https://localhost:{receiver.port}/hook").failure == "no encrypted connection came about"
    assert receiver.got == []
