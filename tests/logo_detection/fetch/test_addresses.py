import socket

import pytest

from logo_detection.fetch.addresses import AddressDenied, AddrInfo, is_public, public_socket, sockets_for
from tests.addresses import DENIED, PUBLIC


def info(address: str, port: int = 443) -> AddrInfo:
    if ":" in address:
        return (socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port, 0, 0))
    return (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port))


def test_the_list_is_as_long_as_it_claims() -> None:
    assert len(set(DENIED)) >= 58
    assert len(set(PUBLIC)) >= 11


@pytest.mark.parametrize("address", DENIED)
def test_an_address_that_is_not_public_gets_no_socket(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(AddressDenied):
        public_socket(info(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_gets_a_socket_of_its_family(address: str) -> None:
    assert is_public(address)
    with public_socket(info(address)) as made:
        assert (made.family, made.type) == (info(address)[0], socket.SOCK_STREAM)


@pytest.mark.parametrize(
    "text", ["", "localhost", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "8.8.8.8 ", "[::1]", "①②⑦.0.0.1"]
)
def test_what_is_no_plain_address_is_not_public(text: str) -> None:
    assert not is_public(text)


def test_a_public_address_with_a_scope_gets_no_socket() -> None:
    scoped = (socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("2606:4700::1111", 443, 0, 1))
    with pytest.raises(AddressDenied):
        public_socket(scoped)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_an_operators_address_opens_itself_alone(address: str) -> None:
    make = sockets_for(address, 6101)
    make(info(address, 6101)).close()
    for other in (info(address, 6102), info("127.0.0.2", 6101), info("::2", 6101), info("8.8.8.8", 6101)):
        with pytest.raises(AddressDenied):
            make(other)


def test_an_operators_name_opens_its_port_alone() -> None:
    make = sockets_for("swift.internal", 6101)
    make(info("10.0.0.1", 6101)).close()
    with pytest.raises(AddressDenied):
        make(info("10.0.0.1", 22))


def test_the_refusal_is_an_oserror_and_says_nothing() -> None:
    with pytest.raises(OSError, match="address denied") as refusal:
        public_socket(info("10.1.2.3"))
    assert "10.1" not in str(refusal.value)
