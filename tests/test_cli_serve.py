"""`serve` and `users`, as processes of their own."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

import regulars
from consoles import PASSWORD, sign_in
from regulars import RegisterCustomer

REGULARS = (sys.executable, "-c", "from regulars.cli import main; main()")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    with regulars.open(tmp_path / "shop.db", currency="EUR") as crm:
        crm.do(RegisterCustomer(ref="shop:1", name="Ada Lovelace"))
    return tmp_path / "shop.db"


def say(shop: Path, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    command = (*REGULARS, "--db", str(shop), *words)
    return subprocess.run(command, input=typed, capture_output=True, text=True, timeout=120, check=False)


def started(shop: Path) -> tuple[subprocess.Popen[str], str]:
    """A server, and the address that it printed."""
    command = (*REGULARS, "--db", str(shop), "serve", "--port", "0")
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert server.stdout is not None
    first = server.stdout.readline()
    found = re.search(r"http://127\.0\.0\.1:\d+/\S*", first)
    assert found is not None, first
    return server, found[0]


def asked(address: str, client: httpx.Client) -> httpx.Response:
    """The answer, once the server takes connections."""
    with httpx.Client(transport=httpx.HTTPTransport(retries=5)) as patient:
        patient.get(address.partition("/enter")[0])
    return client.get(address)


def test_one_person_is_let_in_by_what_was_printed_and_the_server_ends_cleanly(shop: Path) -> None:
    server, address = started(shop)
    with httpx.Client(follow_redirects=True) as client:
        page = asked(address, client)
        assert page.status_code == 200
        assert "token" not in str(page.url)
        assert "Ada Lovelace" in client.get(page.url.join("/customers")).text
    server.send_signal(signal.SIGINT)
    out, err = server.communicate(timeout=60)
    assert (server.returncode, err) == (0, "")
    assert "Ada" not in out
    with regulars.open(shop) as crm:
        [cookie] = [value for name, value in client.cookies.items() if "session" in name]
        assert crm.web_sessions.find(cookie) is None


def test_users_are_added_listed_and_kept_out(shop: Path) -> None:
    assert "There is no user" in say(shop, "users", "list").stdout
    short = say(shop, "users", "add", "mara", "--role", "clerk", typed="short\n")
    assert (short.returncode, "a password has 12 to 256 characters" in short.stderr) == (2, True)
    assert say(shop, "users", "add", "mara", "--role", "clerk", typed=f"{PASSWORD}\n").returncode == 0
    again = say(shop, "users", "add", "mara", "--role", "clerk", typed=f"{PASSWORD}\n")
    assert (again.returncode, 'there is a user "mara" already' in again.stderr) == (1, True)
    server, address = started(shop)
    assert address.endswith("/")
    with httpx.Client(base_url=address, headers={"Origin": address.rstrip("/")}) as client:
        asked(address, client)
        assert sign_in(client, "mara").status_code == 303
        assert say(shop, "users", "disable", "mara").returncode == 0
        assert client.get("/").status_code == 303
    server.terminate()
    server.communicate(timeout=60)
    assert server.returncode == 0
    [listed] = json.loads(say(shop, "users", "list", "--json").stdout)
    assert (listed["name"], listed["role"], listed["disabled_at"] is not None) == ("mara", "clerk", True)
    assert "there is no user" in say(shop, "users", "enable", "nobody").stderr


def test_a_port_that_is_taken_is_a_sentence(shop: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = say(shop, "serve", "--port", port)
    assert (said.returncode, said.stdout) == (1, "")
    assert f"port {port} can't be listened on" in said.stderr
    wrong = say(shop, "serve", "--public-url", "crm.example.com/crm")
    assert (wrong.returncode, "https://crm.example.com" in wrong.stderr) == (2, True)


def test_a_restored_backup_lets_nobody_in_until_somebody_says_so(shop: Path) -> None:
    with regulars.open(shop) as crm:
        crm.users.add("mara", role="owner", password=PASSWORD)
        token = crm.web_sessions.begin("mara")
        crm.backup(shop.with_name("backup.db"))
    assert say(shop, "restore", str(shop.with_name("backup.db")), str(shop.with_name("new.db"))).returncode == 0
    with regulars.open(shop.with_name("new.db")) as crm:
        assert [each.disabled_at is None for each in crm.users.list()] == [False]
        assert crm.web_sessions.find(token) is None
        assert crm.users.verify("mara", PASSWORD) is None
        crm.users.enable("mara")
        assert crm.users.verify("mara", PASSWORD) is not None
