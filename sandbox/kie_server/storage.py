"""The files behind the download host: uploaded ones, finished videos, and temporary links to them."""

from __future__ import annotations

import mimetypes
import re
import secrets
import shutil
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote, urlsplit

from sandbox.kie_server.agenda import Clock
from sandbox.kie_server.scenarios import Download

# The shortest of the retention times that operators report; the page says three days.
UPLOAD_LIFETIME = 24 * 3600.0
# Documented for /common/download-url.
LINK_LIFETIME = 20 * 60.0

_UNSAFE = re.compile(r"[^\w.\-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One file under one address."""

    path: str  # of the address, without the leading slash
    file: Path
    content_type: str
    stored_at: float
    lifetime: float | None = None
    download: Download = field(default_factory=Download)


class Storage:
    def __init__(self, directory: Path, clock: Clock) -> None:
        self._clock = clock
        self._uploads = directory / "uploads"
        self._results = directory / "results"
        self._incoming = directory / "incoming"
        for folder in (self._uploads, self._results, self._incoming):
            folder.mkdir(parents=True, exist_ok=True)
        self._stored: dict[str, Stored] = {}
        self._links: dict[str, tuple[str, float]] = {}
        self._user = str(secrets.randbelow(90_000) + 10_000)
        self.origin = ""  # of the download host; known once it listens

    @property
    def uploads(self) -> list[Stored]:
        return [stored for stored in self._stored.values() if stored.path.startswith("kieai/")]

    def incoming(self) -> Path:
        """A new path for bytes on their way in."""
        return self._incoming / secrets.token_hex(8)

    def keep_upload(self, arrived: Path, folder: str, name: str | None, suffix: str) -> Stored:
        """Take an arrived file in. Without a name the server makes one; the same name again overwrites."""
        now = self._clock()
        chosen = _plain(name) if name else ""
        chosen = chosen or f"{int(now * 1000)}-{secrets.token_hex(5)}{suffix}"
        parts = [_plain(part) for part in PurePosixPath(folder).parts]
        path = "/".join(["kieai", self._user, *(part for part in parts if part), chosen])
        old = self._stored.get(path)
        file = self._uploads / f"{secrets.token_hex(8)}{PurePosixPath(chosen).suffix.lower()}"
        shutil.move(arrived, file)
        stored = Stored(path=path, file=file, content_type=type_of(chosen), stored_at=now, lifetime=UPLOAD_LIFETIME)
        self._stored[path] = stored
        if old is not None:
            old.file.unlink(missing_ok=True)
        return stored

    def replace(self, stored: Stored) -> None:
        """Take *stored* in the place of what is under its address."""
        self._stored[stored.path] = stored

    def new_result(self) -> Path:
        return self._results / f"{secrets.token_hex(16)}.mp4"

    def publish(self, file: Path, download: Download) -> Stored:
        path = f"workers/{secrets.token_hex(16)}_{int(self._clock() * 1000)}.mp4"
        stored = Stored(path=path, file=file, content_type="video/mp4", stored_at=self._clock(), download=download)
        self._stored[path] = stored
        return stored

    def url(self, stored: Stored) -> str:
        return f"{self.origin}/{quote(stored.path)}"

    def is_own(self, url: str) -> bool:
        return bool(self.origin) and url.startswith(f"{self.origin}/")

    def find(self, path: str) -> Stored | None:
        """The file at that path of the download host, unless its time is over."""
        stored = self._stored.get(path)
        if stored is None:
            return None
        if stored.lifetime is not None and self._clock() >= stored.stored_at + stored.lifetime:
            return None
        return stored

    def find_url(self, url: str) -> Stored | None:
        return self.find(unquote(urlsplit(url).path).lstrip("/")) if self.is_own(url) else None

    def link_to(self, url: str) -> str:
        """A temporary link, made without a look at whether there is anything behind it."""
        token = secrets.token_urlsafe(18)
        self._links[token] = (unquote(urlsplit(url).path).lstrip("/"), self._clock() + LINK_LIFETIME)
        return f"{self.origin}/temporary/{token}"

    def behind_link(self, token: str) -> Stored | None:
        path, until = self._links.get(token, ("", 0.0))
        return self.find(path) if self._clock() < until else None


def type_of(name: str) -> str:
    """Content-Type comes from the extension, never from a look at the bytes."""
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _plain(part: str) -> str:
    """A path part that cannot lead anywhere else."""
    return _UNSAFE.sub("_", PurePosixPath(part.replace("\\", "/")).name).strip(".")
