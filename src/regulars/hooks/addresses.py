"""The address guard: which addresses a hook may be posted to. Pure: names are resolved elsewhere.

A name outside is under its owner's control, and may lead to a machine inside the firm (server-side request forgery). So
an address has to be one that only the internet at large leads to: global unicast, and no range in which the address of
another machine may be wrapped up, as IPv4 is in 6to4 and NAT64.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from regulars.hooks.target import Target

Address = IPv4Address | IPv6Address

#: Ranges that are refused, by the registries of special-purpose addresses (RFC 6890 and its successors).
REFUSED = tuple(
    (ip_network(network), name)
    for network, name in (
        ("0.0.0.0/8", "of this network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared by a carrier (CGNAT)"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "a cloud's own (Azure)"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "for protocols"),
        ("192.0.2.0/24", "for documentation"),
        ("192.31.196.0/24", "for AS112"),
        ("192.52.193.0/24", "a multicast relay's (AMT)"),
        ("192.88.99.0/24", "a 6to4 relay's"),
        ("192.168.0.0/16", "private"),
        ("192.175.48.0/24", "for AS112"),
        ("198.18.0.0/15", "for benchmarks"),
        ("198.51.100.0/24", "for documentation"),
        ("203.0.113.0/24", "for documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::ffff:0:0/96", "IPv4 mapped into IPv6"),
        ("::ffff:0:0:0/96", "IPv4 translated into IPv6"),
        ("::/96", "IPv4 within IPv6"),
        ("64:ff9b::/96", "IPv4 behind NAT64"),
        ("64:ff9b:1::/48", "IPv4 behind a local NAT64"),
        ("100::/64", "discarded"),
        ("2001::/32", "a Teredo tunnel's"),
        ("2001::/23", "for protocols"),
        ("2001:db8::/32", "for documentation"),
        ("2002::/16", "a 6to4 tunnel's"),
        ("2620:4f:8000::/48", "for AS112"),
        ("3fff::/20", "for documentation"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    )
)
#: All of IPv6 that has been given out as global unicast.
GLOBAL_IPV6 = ip_network("2000::/3")


def why_refused(address: Address) -> str | None:
    """What kind of address it is, where nothing may be posted to it; None where it is global unicast."""
    for network, name in REFUSED:
        if address.version == network.version and address in network:
            return name
    if address.version == 6 and address not in GLOBAL_IPV6:
        return "not global unicast"
    return None


class AddressRefused(Exception):
    """A host leads to an address that nothing may be posted to."""


def let_through(target: Target, addresses: Sequence[str], *, allow_local: bool) -> tuple[Address, ...]:
    """The addresses of a host, all of which may be posted to; with `allow_local` they may all be loopback instead, and
    without encryption they have to be.

    One that is refused refuses the host: which of several is connected to must not be up to whoever owns the name.
    Raises AddressRefused.
    """
    found = tuple(ip_address(each.partition("%")[0]) for each in addresses)
    if not found:
        raise AddressRefused(f"{target.host} has no address")
    if allow_local and all(why_refused(each) == "loopback" for each in found):
        return found
    for each in found:
        kind = why_refused(each)
        if kind is not None:
            raise AddressRefused(
                f"{target.host} leads to {each}, which is {kind}; hooks are sent to global addresses only"
            )
    if target.scheme != "https":
        raise AddressRefused(f"{target.host} leads to {found[0]}, and http is for this machine's own addresses alone")
    return found
