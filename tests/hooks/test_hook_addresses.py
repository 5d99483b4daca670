"""To which addresses a hook may lead: address by address, as the registries of special-purpose addresses have them."""

from __future__ import annotations

import socket
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.hooks.addresses import AddressRefused, let_through, why_refused
from regulars.hooks.target import Target, parse_target

#: The last address before a range, its first and its last one, and the first after it: the outer ones are public.
EDGES = [
    (None, "0.0.0.0", "0.255.255.255", "1.0.0.0"),
    ("9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"),
    ("100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0"),
    ("126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0"),
    ("169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0"),
    ("172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0"),
    ("191.255.255.255", "192.0.0.0", "192.0.0.255", "192.0.1.0"),
    ("192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0"),
    ("192.88.98.255", "192.88.99.0", "192.88.99.255", "192.88.100.0"),
    ("192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0"),
    ("198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0"),
    ("198.51.99.255", "198.51.100.0", "198.51.100.255", "198.51.101.0"),
    ("203.0.112.255", "203.0.113.0", "203.0.113.255", "203.0.114.0"),
    ("223.255.255.255", "224.0.0.0", "255.255.255.255", None),
    ("2001:200::", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"),
    (None, "2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::"),
    ("2001:ffff::", "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::"),
    ("3ffe::", "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::"),
]

#: Addresses that lead, or may lead, to somebody inside, or to nobody.
INSIDE = {
    "168.63.129.16": "of a cloud, which ipaddress calls global",
    "169.254.169.254": "where clouds give out credentials",
    "::": "unspecified",
    "::1": "loopback",
    "::7f00:1": "127.0.0.1 within IPv6",
    "::ffff:127.0.0.1": "127.0.0.1 mapped",
    "::ffff:10.0.0.1": "10.0.0.1 mapped",
    "::ffff:8.8.8.8": "mapped, even where what is mapped is public",
    "::ffff:0:127.0.0.1": "127.0.0.1 translated",
    "64:ff9b::7f00:1": "127.0.0.1 behind NAT64",
    "64:ff9b::808:808": "NAT64, even where what is behind it is public",
    "64:ff9b:1::a00:1": "a local NAT64",
    "100::1": "discarded",
    "2001::1": "Teredo",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2": "Teredo",
    "2001:2::1": "benchmarks",
    "2001:10::1": "ORCHID",
    "2001:20::1": "ORCHIDv2",
    "2002:7f00:1::": "127.0.0.1 by 6to4",
    "2002:a00:1::1": "10.0.0.1 by 6to4",
    "fc00::1": "private",
    "fd12:3456:789a::1": "private",
    "fe80::1": "link-local",
    "fec0::1": "site-local, which ipaddress calls global",
    "ff02::1": "multicast on this link",
    "ff0e::1": "multicast, which ipaddress calls global",
    "224.0.0.1": "multicast",
    "239.255.255.250": "multicast",
    "4000::1": "not given out",
    "5f00::1": "segment routing",
    "::2": "not given out",
}
OUTSIDE = ("1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "2001:4860:4860::8888", "2a00:1450:4001::1")


def target(host: str, scheme: str = "https") -> Target:
    return Target(scheme=scheme, host=host, port=443, path="/")


@pytest.mark.parametrize(("before", "first", "last", "after"), EDGES)
def test_a_range_is_refused_from_its_first_address_to_its_last(
    before: str | None, first: str, last: str, after: str | None
) -> None:
    assert why_refused(ip_address(first)) is not None
    assert why_refused(ip_address(last)) is not None
    assert [why_refused(ip_address(each)) for each in (before, after) if each is not None].count(None) >= 1
    assert all(why_refused(ip_address(each)) is None for each in (before, after) if each is not None)


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_refused(address: str) -> None:
    assert why_refused(ip_address(address)) is not None
    with pytest.raises(AddressRefused, match="hooks are sent to global addresses only"):
        let_through(target("hook.example"), [address], allow_local=False)


@pytest.mark.parametrize("address", OUTSIDE)
def test_a_public_address_is_let_through(address: str) -> None:
    assert let_through(target("hook.example"), [address], allow_local=False) == (ip_address(address),)


@given(st.ip_addresses())
def test_what_python_calls_not_global_is_refused(address: object) -> None:
    found = ip_address(str(address))
    if not found.is_global or found.is_multicast or found.is_reserved:
        assert why_refused(found) is not None


@given(st.ip_addresses(v=4))
def test_an_address_of_ipv4_is_refused_wherever_it_is_wrapped_up(address: object) -> None:
    number = int(ip_address(str(address)))
    for network in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96"):
        assert why_refused(ip_network(network)[number]) is not None
    assert why_refused(ip_address((0x2002 << 112) | (number << 80))) is not None


def test_one_address_inside_refuses_the_host() -> None:
    with pytest.raises(AddressRefused, match=r"hook.example leads to 10\.0\.0\.1, which is private"):
        let_through(target("hook.example"), ["8.8.8.8", "10.0.0.1"], allow_local=False)


def test_this_machine_is_reached_where_that_is_allowed_and_nothing_else_inside() -> None:
    both = ["127.0.0.1", "::1"]
    assert len(let_through(target("localhost", "http"), both, allow_local=True)) == 2
    for address in ("10.0.0.1", "169.254.169.254", "0.0.0.0", "::ffff:127.0.0.1", "fe80::1"):
        with pytest.raises(AddressRefused):
            let_through(target("localhost", "http"), [address], allow_local=True)
    with pytest.raises(AddressRefused):
        let_through(target("localhost", "http"), ["127.0.0.1", "192.168.0.1"], allow_local=True)


def test_nothing_goes_out_unencrypted() -> None:
    with pytest.raises(AddressRefused, match="http is for this machine's own addresses alone"):
        let_through(target("hook.example", "http"), ["8.8.8.8"], allow_local=True)


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "017700000001", "0177.0.0.1", "0x7f.1", "127.1", "127.0.1", "LOCALHOST"]
)
def test_this_machine_is_known_in_every_spelling_of_its_address(host: str) -> None:
    found = parse_target(f"https://{host}/", allow_local=False)
    resolved = [str(where[0]) for *_, where in socket.getaddrinfo(found.host, 443, type=socket.SOCK_STREAM)]
    with pytest.raises(AddressRefused, match="loopback"):
        let_through(found, resolved, allow_local=False)


def test_a_final_dot_and_capitals_are_the_same_host() -> None:
    assert parse_target("https://Hook.Example.:8443/a?b=c", allow_local=False) == Target(
        scheme="https", host="hook.example", port=8443, path="/a?b=c"
    )
    assert parse_target("https://[2606:4700::1]", allow_local=False).authority == "[2606:4700::1]"
    assert parse_target("https://hook.example:443", allow_local=False).authority == "hook.example"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://hook.example/", "begins with https://, not http://"),
        ("ftp://hook.example/", "begins with https://"),
        ("hook.example", "begins with https://"),
        ("", "characters of ASCII"),
        ("https://", "names no host"),
        ("https://:443/", "names no host"),
        ("https://a..b/", "names no host"),
        ("https://-a.example/", "names no host"),
        ("https://[fe80::1%eth0]/", "names no host|is no URL"),
        ("https://[::1/", "is no URL"),
        ("https://user:secret@hook.example/", "no name or password in it"),
        ("https://8.8.8.8@127.0.0.1/", "no name or password in it"),
        ("https://hook.example/#part", "no part after #"),
        ("https://hook.example\\@127.0.0.1/", "backslashes"),
        ("https://hook.example/ a", "without spaces"),
        ("https://hook.example/\r\nHost: other", "without spaces"),
        ("https://h\u00f6ok.example/", "ASCII"),
        ("https://hook.example:99999/", "is no URL"),
        ("https://hook.example:0/", "port 0"),
        ("https://hook.example/" + "a" * 2_000, "at most 2,000 characters"),
    ],
)
def test_a_url_that_could_be_read_in_two_ways_is_refused(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_target(url, allow_local=False)
