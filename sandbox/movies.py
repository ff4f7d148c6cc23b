"""Renders the small real MP4s that stand for a provider's videos, and keeps those it has already made."""

from __future__ import annotations

import array
import asyncio
import atexit
import hashlib
import math
import shutil
import tempfile
import threading
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from functools import cache, lru_cache
from pathlib import Path

import av
from PIL import Image, ImageDraw, UnidentifiedImageError

from sandbox.captions import panel
from sandbox.scenery import Panorama, Scene, Seascape

_SAMPLE_RATE = 44_100
_SAMPLES_PER_FRAME = 1024  # what an AAC frame holds


class PictureError(Exception):
    """A supplied picture cannot be opened."""


@dataclass(frozen=True, slots=True)
class _Detail:
    short_side: int
    frame_rate: int


class MovieSize(Enum):
    DRAFT = _Detail(96, 3)  # for tests: made in a blink
    SCREEN = _Detail(480, 12)  # for people


@dataclass(frozen=True, slots=True, kw_only=True)
class MovieRequest:
    """What is to be seen and heard; equal requests give the same file."""

    prompt: str
    model: str
    seconds: float = 5.0
    aspect: str = "16:9"  # "width:height"; anything else follows the picture, or is 16:9
    label: str = ""  # options, shown beside the model
    has_sound: bool = False
    picture: Path | None = None
    last_picture: Path | None = None
    size: MovieSize = MovieSize.SCREEN


def render(request: MovieRequest, path: Path) -> None:
    """Write the movie to *path*. Slow: keep it off the event loop."""
    first = _opened(request.picture)
    last = _opened(request.last_picture)
    detail = request.size.value
    width, height = dimensions(request.aspect, detail.short_side, first or last)
    seed = zlib.crc32(f"{request.model}\n{request.prompt}".encode())
    scene: Scene
    if first is not None or last is not None:
        opening = first or last
        assert opening is not None  # noqa: S101 - narrows the type; the line above proves it
        scene = Panorama(width, height, seed, opening, last if first is not None else None)
    else:
        scene = Seascape(width, height, seed)
    frames = _frames(request, scene, (width, height))
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", rate=detail.frame_rate, options={"preset": "ultrafast", "crf": "24"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.codec_context.thread_count = 1
        # All streams must be known before the first packet is written.
        sound = container.add_stream("aac", rate=_SAMPLE_RATE, layout="mono") if request.has_sound else None
        for picture in frames:
            frame = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]  # PyAV's stub lacks it
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if sound is not None:
            for samples in _sound(request.seconds):
                container.mux(sound.encode(samples))
            container.mux(sound.encode())


def dimensions(aspect: str, short_side: int, picture: Image.Image | None = None) -> tuple[int, int]:
    """Even width and height of a frame with that *aspect* and that shorter side."""
    across, _, down = aspect.partition(":")
    if across.isdecimal() and down.isdecimal() and int(across) and int(down):
        ratio = int(across) / int(down)
    elif picture is not None:
        ratio = min(3.0, max(1 / 3, picture.width / picture.height))
    else:
        ratio = 16 / 9
    longer = round(short_side * max(ratio, 1 / ratio) / 2) * 2
    return (longer, short_side) if ratio >= 1 else (short_side, longer)


def _opened(path: Path | None) -> Image.Image | None:
    if path is None:
        return None
    try:
        with Image.open(path) as picture:
            picture.load()
            return picture.copy()
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as err:
        raise PictureError(f"{path.name} is not a picture that can be opened: {err}") from err


def _frames(request: MovieRequest, scene: Scene, size: tuple[int, int]) -> Iterator[Image.Image]:
    width, height = size
    rate = request.size.value.frame_rate
    total = max(2, round(request.seconds * rate))
    heading = " · ".join(part for part in (request.model, request.label, "sandbox") if part)
    card = panel(width, height, heading=heading, text=request.prompt or "(no prompt)")
    bar = max(2, height // 120)
    for number in range(total):
        moment = number / (total - 1)
        frame = scene.paint(moment, number / rate)
        frame.paste(card, (0, height - card.height), card)
        draw = ImageDraw.Draw(frame)
        draw.rectangle((0, height - bar, width, height), fill=(20, 26, 44))
        draw.rectangle((0, height - bar, int(width * moment), height), fill=(255, 196, 104))
        yield frame


def _sound(seconds: float) -> Iterator[av.AudioFrame]:
    second = _second_of_sound()
    total = int(seconds * _SAMPLE_RATE)
    for start in range(0, total, _SAMPLES_PER_FRAME):
        count = min(_SAMPLES_PER_FRAME, total - start)
        frame = av.AudioFrame(format="s16", layout="mono", samples=count)
        frame.sample_rate, frame.pts, frame.time_base = _SAMPLE_RATE, start, Fraction(1, _SAMPLE_RATE)
        offset = start % _SAMPLE_RATE
        # Planes are padded; update() wants exactly as many bytes as the plane has.
        samples = (second + second)[offset : offset + count].tobytes()
        frame.planes[0].update(samples.ljust(frame.planes[0].buffer_size, b"\0"))
        yield frame


@cache
def _second_of_sound() -> array.array[int]:
    """A soft chord; whole frequencies, so that it can be repeated without a click."""
    tones = (220, 277, 330)
    return array.array(
        "h",
        (
            round(
                2600
                * (0.7 + 0.3 * math.cos(math.tau * n / _SAMPLE_RATE))
                * sum(math.sin(math.tau * tone * n / _SAMPLE_RATE) for tone in tones)
            )
            for n in range(_SAMPLE_RATE)
        ),
    )


def padded(path: Path, size: int, into: Path) -> Path:
    """Copy the MP4 at *path* to *into*, filled up to exactly *size* bytes; it stays playable."""
    gap = size - path.stat().st_size
    if gap < 0 or 0 < gap < 8:
        raise ValueError(f"{path.name} has {path.stat().st_size} bytes and cannot be padded to {size}")
    shutil.copyfile(path, into)
    if gap:
        # ISO/IEC 14496-12, "free" box: players skip it. Above 32 bits the real size follows the name.
        header = gap.to_bytes(4) + b"free" if gap < 2**32 else (1).to_bytes(4) + b"free" + gap.to_bytes(8)
        with into.open("r+b") as file:
            file.seek(0, 2)
            file.write(header)
            file.truncate(size)  # the rest stays a hole: padding to gigabytes costs no disk
    return into


class MovieStudio:
    """Keeps the most recently used movies on disk, so that a thousand equal jobs render one."""

    def __init__(self, directory: Path, *, capacity: int = 64) -> None:
        self._directory = directory
        self._capacity = capacity
        self._files: OrderedDict[str, Path] = OrderedDict()
        self._busy: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()
        self.rendered = 0

    def movie(self, request: MovieRequest, into: Path) -> Path:
        """Put the movie at *into*, rendering it unless it is at hand. Slow: keep it off the event loop."""
        key = _key(request)
        with self._guard:
            busy = self._busy.setdefault(key, threading.Lock())
        with busy:
            with self._guard:
                made = self._files.get(key)
                if made is not None:
                    self._files.move_to_end(key)
                    _link(made, into)
                    return into
            made = self._directory / f"{key}.mp4"
            render(request, made)
            with self._guard:
                self.rendered += 1
                _link(made, into)
                self._files[key] = made
                while len(self._files) > self._capacity:
                    old, path = self._files.popitem(last=False)
                    self._busy.pop(old, None)
                    path.unlink(missing_ok=True)
        return into

    async def shoot(self, request: MovieRequest, into: Path, executor: Executor | None = None) -> Path:
        """The same for callers on an event loop."""
        return await asyncio.get_running_loop().run_in_executor(executor, self.movie, request, into)


def _link(made: Path, into: Path) -> None:
    """A second name for the file, which outlives its place in the cache."""
    try:
        into.hardlink_to(made)
    except OSError:  # another file system, or one without links
        shutil.copyfile(made, into)


def _key(request: MovieRequest) -> str:
    # Pictures count by what they show: the same upload arrives under a new name every time.
    pictures = [_digest(path) for path in (request.picture, request.last_picture)]
    shown = (request.prompt, request.model, request.seconds, request.aspect, request.label, request.has_sound)
    return hashlib.sha256(repr((*shown, request.size.name, pictures)).encode()).hexdigest()[:32]


def _digest(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as err:
        raise PictureError(f"{path.name} cannot be read: {err}") from err


@lru_cache(maxsize=1)
def shared_studio() -> MovieStudio:
    """The studio of this process; its folder goes when the process does."""
    directory = Path(tempfile.mkdtemp(prefix="sandbox-movies-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return MovieStudio(directory)
