"""URLs that try to lead a server into its own network, and an internet of loopback on which they can be followed."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

# Where the good host of these tests lives: an address that is public, and behind which stands a local server.
PUBLIC = "93.184.216.34"
PUBLIC_HOST = "files.test"

# What names lead to; a list of several answers is given one after the other, the last one for ever.
NAMES: dict[str, list[list[str]]] = {
    PUBLIC_HOST: [[PUBLIC]],
    "localhost": [["127.0.0.1"]],
    "localhost.": [["127.0.0.1"]],
    "localhost.localdomain": [["127.0.0.1"]],
    "ip6-localhost": [["::1"]],
    "127.0.0.1.": [["127.0.0.1"]],
    "127.0.0.1.nip.test": [["127.0.0.1"]],
    "inside.test": [["10.0.0.7"]],
    "xn--inside-q5a.test": [["10.0.0.7"]],
    "xn--80ak6aa92e.test": [["127.0.0.1"]],
    "metadata.google.internal": [["169.254.169.254"]],
    "metadata.google.internal.": [["169.254.169.254"]],
    "mapped.test": [["::ffff:127.0.0.1"]],
    "nat64.test": [["64:ff9b::7f00:1"]],
    "half.test": [[PUBLIC, "127.0.0.1"]],
    "half-late.test": [["127.0.0.1", PUBLIC]],
    "zone.test": [["fe80::1%lo"]],
}
# The check sees the good address; whoever asks again gets the bad one.
FLIPPING = "flips.test"

HOSTILE_URLS: tuple[str, ...] = (
    # Plain.
    "http://127.0.0.1/",
    "http://127.0.0.1:80/",
    "http://127.255.255.254/",
    "https://127.0.0.1/",
    "HTTP://127.0.0.1/",
    "hTTpS://127.0.0.1/",
    "http://localhost/",
    "http://LocalHost/",
    "http://localhost./",
    "http://localhost.localdomain/",
    "http://ip6-localhost/",
    "http://10.0.0.1/",
    "http://10.0.0.1:22/",
    "http://172.16.0.1:6379/",
    "http://192.168.1.1:11211/",
    "http://100.64.0.1/",
    "http://198.18.0.1/",
    "http://192.0.0.192/",
    # Numbers that resolvers read as addresses.
    "http://2130706433/",
    "http://017700000001/",
    "http://0x7f000001/",
    "http://0X7F000001/",
    "http://0x7f.0x0.0x0.0x1/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://0177.0.0.01/",
    "http://00000177.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://127.65530/",
    "http://0/",
    "http://0.0.0.0/",
    "http://0x0/",
    "http://00/",
    "http://167772161/",
    "http://3232235777/",
    # Trailing dots, other dots, other digits.
    "http://127.0.0.1./",
    "http://127\u30020\u30020\u30021/",
    "http://127\uff0e0\uff0e0\uff0e1/",
    "http://\uff11\uff12\uff17.\uff10.\uff10.\uff11/",
    "http://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460/",
    "http://\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3/",
    "http://\u0661\u0662\u0667.0.0.1/",
    "http://%31%32%37.0.0.1/",
    # IPv6 and what hides in it.
    "http://[::1]/",
    "http://[::]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::FFFF:0a00:0001]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[::127.0.0.1]/",
    "http://[::ffff:0:127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b::169.254.169.254]/",
    "http://[64:ff9b:1::10.0.0.1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:7f00:1::]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://[fe80::1]/",
    "http://[fe80::1%25lo]/",
    "http://[ff02::1]/",
    "http://[fec0::1]/",
    # Where clouds keep their machines' secrets.
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.170.2/v2/credentials",
    "http://2852039166/latest/meta-data/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://metadata.google.internal./computeMetadata/v1/",
    "http://100.100.100.200/latest/meta-data/",
    # Names that lead inside.
    "http://127.0.0.1.nip.test/",
    "http://inside.test/",
    "http://xn--80ak6aa92e.test/",
    "http://mapped.test/",
    "http://nat64.test/",
    "http://half.test/",
    "http://half-late.test/",
    "http://zone.test/",
    # A good name that is not the host.
    "http://files.test@127.0.0.1/",
    "http://files.test:80@127.0.0.1/",
    "http://files.test%40127.0.0.1/",
    "http://files.test#@127.0.0.1\\@127.0.0.1/",
    "http://127.0.0.1\\@files.test/",
    "http://user:password@files.test/",
    "http://:@127.0.0.1/",
    "http://127.0.0.1#files.test",
    "http://127.0.0.1?files.test",
    "http://127.0.0.1\t/",
    "http://127.0.0.1%00.files.test/",
    "http://files.test\r\nHost: 127.0.0.1/",
    "//127.0.0.1/",
    "http:/127.0.0.1/",
    "http:///127.0.0.1/",
    "http:127.0.0.1/",
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:0/",
    "http://[127.0.0.1]/",
    "http://[::1/",
    # No web address at all.
    "file:///etc/passwd",
    "file://127.0.0.1/etc/passwd",
    "ftp://127.0.0.1/",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "dict://127.0.0.1:11211/stats",
    "ldap://127.0.0.1/",
    "data:video/mp4;base64,AAAA",
    "jar:http://127.0.0.1!/",
    "javascript:alert(1)",
    "unix:///var/run/docker.sock",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
    "ws://127.0.0.1/",
    "about:blank",
    "127.0.0.1",
    "",
)


@dataclass(slots=True)
class Internet:
    """Answers for names, and where connections went. One address of it is real: PUBLIC is the server on `port`."""

    port: int = 0
    connections: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    _flips: Iterator[list[str]] = field(default_factory=lambda: iter([[PUBLIC]]))

    def start_flipping(self) -> None:
        self._flips = iter([[PUBLIC]])

    @property
    def inside(self) -> list[str]:
        """Connections that should never have been tried."""
        return [address for address in self.connections if address != PUBLIC]

    def addresses(self, host: str) -> list[str] | None:
        self.asked.append(host)
        if host == FLIPPING:
            return next(self._flips, ["127.0.0.1"])
        answers = NAMES.get(host.lower())
        return None if answers is None else answers[0]

    def install(self, monkeypatch: Any) -> None:
        """Put it in place of this machine's resolver and of every connection that a socket opens."""
        resolve, connect = socket.getaddrinfo, socket.socket.connect

        def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
            name = host.decode() if isinstance(host, bytes) else host
            found = self.addresses(name)
            if found is None:
                # Numbers are read as this machine reads them; nobody else is asked for names.
                kind = kwargs.get("type", args[1] if len(args) > 1 else 0)
                return resolve(name, port, type=kind, flags=socket.AI_NUMERICHOST)
            stream = (socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
            return [
                (socket.AF_INET6, *stream, (each, port, 0, 0))
                if ":" in each
                else (socket.AF_INET, *stream, (each, port))
                for each in found
            ]

        def connected(opened: socket.socket, address: Any) -> None:
            if opened.family == socket.AF_UNIX:
                connect(opened, address)
                return
            self.connections.append(str(address[0]))
            if address[0] != PUBLIC:
                raise ConnectionRefusedError(f"{address[0]} is inside")
            connect(opened, ("127.0.0.1", self.port))

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        monkeypatch.setattr(socket.socket, "connect", connected)


def is_plainly_inside(host: str) -> bool:
    """What one thinks of first: the well-known names, and whatever reads as a private address."""
    if host.lower() in ("", "localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_private or address.is_loopback or address.is_link_local
