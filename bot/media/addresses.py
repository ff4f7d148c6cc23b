"""Keeps a URL that somebody else chose from reaching into the host's own network.

Looking at the URL's text cannot do that: a number, a mapped address or a name that changes its mind between the check
and the call all get past. So the name is resolved once, every address it has is judged, and the connection goes to an
address that was judged, while Host and TLS keep using the name.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv6Address

import httpx

from bot import certificates
from bot.errors import CutsceneError

# All addresses of a host, as text.
Resolver = Callable[[str, int], Awaitable[list[str]]]

# IANA's registries of special-purpose addresses, where they say more than Python 3.11 knows.
_IPV4_SPECIAL = (ipaddress.IPv4Network("192.0.0.0/24"), ipaddress.IPv4Network("192.88.99.0/24"))
_IPV6_PUBLIC = ipaddress.IPv6Network("2000::/3")
_IPV6_SPECIAL = (
    ipaddress.IPv6Network("2001::/23"),  # protocol assignments; Teredo hides an IPv4 address in it
    ipaddress.IPv6Network("2001:db8::/32"),  # documentation
    ipaddress.IPv6Network("2002::/16"),  # 6to4, hides an IPv4 address
    ipaddress.IPv6Network("3fff::/20"),  # documentation
)
# An IPv6-only host sees the IPv4 internet through this prefix, so what counts is the IPv4 address behind it.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

LARGEST_PORT = 65535


class AddressRefusedError(CutsceneError):
    """The URL is of a kind that is never opened, or leads to an address that is not public."""


class GuardedTransport(httpx.AsyncBaseTransport):
    """An HTTP transport that only connects to addresses that were judged."""

    def __init__(self, *, allow_private: bool, resolver: Resolver | None = None) -> None:
        """*resolver* replaces DNS in tests."""
        self._allow_private = allow_private
        self._resolve = resolver or resolve
        # No kept connections: the pool knows them by address, and two names on one address would share one whose
        # certificate was checked for the other name.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        self._inner = httpx.AsyncHTTPTransport(verify=certificates.trusted(), limits=limits, trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        addresses = await self._judged(request)
        failure: httpx.ConnectError | httpx.ConnectTimeout | None = None
        for address in addresses:
            there = httpx.Request(
                request.method,
                request.url.copy_with(host=address),
                headers=request.headers,  # keeps Host as it was
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": host},
            )
            try:
                return await self._inner.handle_async_request(there)
            except (httpx.ConnectError, httpx.ConnectTimeout) as err:
                failure = err
        raise failure or httpx.ConnectError("the name has no address", request=request)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _judged(self, request: httpx.Request) -> list[str]:
        url = request.url
        if url.scheme not in ("http", "https") or not url.host or url.userinfo:
            raise AddressRefusedError("only plain http and https addresses are opened")
        if url.port is not None and url.port > LARGEST_PORT:
            raise AddressRefusedError("there is no such port")
        patience = request.extensions.get("timeout", {}).get("connect")
        try:
            async with asyncio.timeout(patience):
                addresses = await self._resolve(url.host, url.port or (443 if url.scheme == "https" else 80))
        except TimeoutError as err:
            raise httpx.ConnectTimeout("the name was not resolved in time", request=request) from err
        except UnicodeError as err:  # An empty label, or one of more than 63 characters.
            raise AddressRefusedError("the host's name is not one") from err
        except OSError as err:  # socket.gaierror
            raise httpx.ConnectError("the name cannot be resolved", request=request) from err
        for address in addresses:
            if not is_allowed(address, allow_private=self._allow_private):
                raise AddressRefusedError("the address leads into a private network")
        return addresses


async def resolve(host: str, port: int) -> list[str]:
    """The system's own resolver. It also reads "2130706433" and "0x7f.1" as the addresses they are."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_allowed(text: str, *, allow_private: bool) -> bool:
    """Whether a connection may go to this address."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return False
        address = address.ipv4_mapped or _behind_nat64(address) or address
    # Link-local is where clouds keep their machines' secrets; no demo and no gateway lives there.
    if address.is_multicast or address.is_link_local:
        return False
    return allow_private or _is_public(address)


def _behind_nat64(address: IPv6Address) -> IPv4Address | None:
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        special = address.is_reserved or any(address in network for network in _IPV4_SPECIAL)
        return address.is_global and not special
    return address in _IPV6_PUBLIC and not any(address in network for network in _IPV6_SPECIAL)
