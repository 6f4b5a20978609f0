"""Addresses: which of them a caller's URL may lead to, enforced where sockets are made.

A check of names, or of DNS answers, can be bypassed (literals, rebinding). The address that a socket
is made for is the one it connects to, so `public_socket` decides there.
"""

import errno
import ipaddress
import socket
from collections.abc import Callable, Sequence
from typing import Any

AddrInfo = tuple[int, int, int, str, Sequence[Any]]
"""As socket.getaddrinfo() returns it: family, type, protocol, canonical name, (address, port, ...)."""
SocketFactory = Callable[[Any], socket.socket]

# What `is_global` of Python 3.11 lets through, although nothing public is there.
DENIED_IPV4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "192.0.0.0/24",  # IETF protocol assignments, RFC 6890
        "192.88.99.0/24",  # 6to4 relays, RFC 7526
        "168.63.129.16/32",  # Azure's metadata and DNS service
    )
)
PUBLIC_IPV6 = ipaddress.IPv6Network("2000::/3")  # all that IANA has ever allocated as global unicast
DENIED_IPV6 = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # IETF protocol assignments: Teredo, ORCHID, benchmarking
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which embeds an IPv4 address
        "3fff::/20",  # documentation, RFC 9637
    )
)
ISATAP = (0x0000_5EFE, 0x0200_5EFE)  # before the last 32 bits, RFC 5214: an IPv4 address follows


class AddressDenied(OSError):
    """A socket was asked for an address that is not open to callers' URLs.

    An OSError, because aiohttp turns those into errors of its own and trips over others.
    """

    def __init__(self) -> None:
        super().__init__(errno.EACCES, "address denied")


def is_public(address: str) -> bool:
    """Whether an IP address in text form is on the public internet; what cannot be parsed is not."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return (
            parsed.is_global
            and not parsed.is_multicast
            and not parsed.is_reserved
            and not any(parsed in network for network in DENIED_IPV4)
        )
    return (
        parsed in PUBLIC_IPV6
        and parsed.scope_id is None
        and (int(parsed) >> 32) & 0xFFFF_FFFF not in ISATAP
        and not any(parsed in network for network in DENIED_IPV6)
    )


def public_socket(info: AddrInfo) -> socket.socket:
    """A socket for a public address. The only maker of sockets for names in callers' URLs.

    Raises:
        AddressDenied: The address is not public.
    """
    if not is_public(str(info[4][0])) or any(info[4][2:]):  # IPv6: flow info and scope id
        raise AddressDenied
    return _socket(info)


def sockets_for(address: str, port: int) -> SocketFactory:
    """A maker of sockets for one address and port alone, private or not: an operator wrote them down.

    Args:
        address: An IP address; or a host name, whose addresses are then the name's owner's choice.
        port: The port.
    """
    literal = _parse(address)

    def make(info: AddrInfo) -> socket.socket:
        if info[4][1] != port or (literal is not None and _parse(str(info[4][0])) != literal):
            raise AddressDenied
        return _socket(info)

    return make


def _parse(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None


def _socket(info: AddrInfo) -> socket.socket:
    return socket.socket(*info[:3])
