"""Which addresses a stranger's URL may lead to, and that nothing talks its way around that."""

from __future__ import annotations

import asyncio
import ipaddress

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.media.addresses import AddressRefusedError, GuardedTransport, is_allowed, resolve
from tests.loopback import always, answer, serving

INSIDE = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",  # noqa: S104 - an address to refuse, not to listen on
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "192.0.0.8",
    "192.0.0.170",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:c0a8:101::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fec0::1",
    "not an address",
    "",
]
NEVER = [
    "169.254.169.254",
    "169.254.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::169.254.169.254",
    "fe80::1",
    "fe80::1%eth0",
    "224.0.0.1",
    "239.255.255.250",
    "ff02::1",
]
OUTSIDE = ["1.1.1.1", "8.8.8.8", "162.159.128.233", "2606:4700::6810:84e5", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"]

URLS_TO_INSIDE = [
    "http://127.0.0.1/",
    "http://localhost/",
    "http://LOCALHOST/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://0/",
    "http://[::1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[::ffff:169.254.169.254]/",
    "http://2852039166/",
    "http://10.0.0.1:8080/",
    "https://192.168.1.1/",
    "http://①②⑦.⓪.⓪.①/",
    "http://user@127.0.0.1/",
    "https://cdn.discordapp.com@127.0.0.1/",
    "https://u:p@example.test/",
    "ftp://127.0.0.1/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_",
    "//127.0.0.1/",
    "http:///etc/passwd",
    "javascript:alert(1)",
    "data:text/html,hello",
    "127.0.0.1",
    "",
]


@pytest.mark.parametrize("address", INSIDE + NEVER)
def test_address_inside_is_refused(address: str) -> None:
    assert not is_allowed(address, allow_private=False)


@pytest.mark.parametrize("address", OUTSIDE)
def test_public_address_is_allowed(address: str) -> None:
    assert is_allowed(address, allow_private=False)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "192.168.1.1", "10.0.0.1", "fd12::1", "::ffff:127.0.0.1"])
def test_host_can_allow_its_own_network(address: str) -> None:
    assert is_allowed(address, allow_private=True)


@pytest.mark.parametrize("address", NEVER)
def test_machines_secrets_stay_out_of_reach_even_then(address: str) -> None:
    assert not is_allowed(address, allow_private=True)


@given(st.ip_addresses(v=4))
def test_ipv4_address_is_judged_the_same_in_every_disguise(address: ipaddress.IPv4Address) -> None:
    plain = is_allowed(str(address), allow_private=False)

    assert is_allowed(f"::ffff:{address}", allow_private=False) is plain
    assert is_allowed(f"64:ff9b::{address}", allow_private=False) is plain
    assert not (plain and (address.is_private or address.is_multicast or address.is_loopback))


@pytest.mark.parametrize("url", URLS_TO_INSIDE)
async def test_url_to_inside_never_gets_a_connection(url: str) -> None:
    async with httpx.AsyncClient(transport=GuardedTransport(allow_private=False), trust_env=False) as client:
        with pytest.raises((AddressRefusedError, httpx.UnsupportedProtocol, httpx.InvalidURL)):
            await client.get(url)


async def test_one_private_address_among_public_ones_refuses_them_all() -> None:
    async def both(_host: str, _port: int) -> list[str]:
        return ["1.1.1.1", "127.0.0.1"]

    transport = GuardedTransport(allow_private=False, resolver=both)
    async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
        with pytest.raises(AddressRefusedError):
            await client.get("http://both.test/")


async def test_name_is_resolved_once_so_that_it_cannot_change_its_mind() -> None:
    """The resolver says loopback first; a second question would get an address that refuses."""
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    asked: list[str] = []

    async def flips(host: str, _port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    async with serving(always(answer(b"hello"))) as server:
        transport = GuardedTransport(allow_private=True, resolver=flips)
        async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
            response = await client.get(f"http://flips.test:{server.port}/a")

    assert response.text == "hello"
    assert asked == ["flips.test"]
    assert f"Host: flips.test:{server.port}\r\n".encode() in server.requests[0]


async def test_tls_is_asked_for_under_the_name_and_not_the_address() -> None:
    hello = asyncio.get_running_loop().create_future()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello.set_result(await reader.read(4096))
        writer.close()

    async def loopback(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    transport = GuardedTransport(allow_private=True, resolver=loopback)
    async with server, httpx.AsyncClient(transport=transport, trust_env=False) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"https://named.test:{server.sockets[0].getsockname()[1]}/")

    assert b"named.test" in await hello


async def test_next_address_is_tried_when_the_first_does_not_answer() -> None:
    async def two(_host: str, _port: int) -> list[str]:
        return ["127.0.0.9", "127.0.0.1"]  # The server only listens on the second.

    async with serving(always(answer(b"hello"))) as server:
        transport = GuardedTransport(allow_private=True, resolver=two)
        async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
            response = await client.get(f"http://two.test:{server.port}/")

    assert response.text == "hello"


async def test_name_without_an_address_is_a_connection_that_failed() -> None:
    async def nothing(_host: str, _port: int) -> list[str]:
        return []

    async with httpx.AsyncClient(transport=GuardedTransport(allow_private=True, resolver=nothing)) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("http://nothing.test/")


async def test_systems_resolver_reads_numbers_as_the_addresses_they_are() -> None:
    assert await resolve("2130706433", 80) == ["127.0.0.1"]
