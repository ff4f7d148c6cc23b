"""Pictures that are meant to fill the memory or the processor are refused early, outside of the bot's own process."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import tracemalloc
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.errors.pictures import BadImageError
from bot.media import Pictures, inspection
from bot.media.pictures import PictureLimits
from tests.hostile import bombs
from tests.loopback import always, answer, serving

MEBIBYTE = 1024 * 1024
# Refusal: processor seconds, and bytes on top of what the reading program needs for itself.
MOST_SECONDS = 0.1
MOST_MEMORY = 64 * MEBIBYTE

HEADERS = dict(bombs.headers())
INSIDES = dict(bombs.insides())

# The inspection as it runs in its child process, with an account of what it took. The limits are those of `main`.
MEASURED = """
import json, runpy, sys, time
def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
work = runpy.run_path(sys.argv[1])[sys.argv[4]] if sys.argv[4] == "main" else None
if work is None:
    from PIL import Image
    def work(source, target):
        with Image.open(source) as image:
            image.load()
        sys.stdout.write("{}")
memory, seconds = peak(), time.process_time()
work(sys.argv[2], sys.argv[3])
print()
print(json.dumps([time.process_time() - seconds, peak() - memory]))
"""

needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from Linux's /proc")


@dataclass(frozen=True, slots=True)
class Taken:
    """What reading one file took, and what came of it."""

    seconds: float
    memory: int
    answer: dict[str, object]


def taken(tmp_path: Path, content: bytes, how: str = "main") -> Taken:
    source = tmp_path / "source"
    source.write_bytes(content)
    ran = subprocess.run(
        [sys.executable, "-I", "-c", MEASURED, inspection.__file__, source, tmp_path / "target", how],
        capture_output=True,
        check=True,
        timeout=60,
    )
    answer, numbers = ran.stdout.splitlines()
    seconds, memory = json.loads(numbers)
    return Taken(seconds=seconds, memory=memory, answer=json.loads(answer))


@needs_proc
@pytest.mark.parametrize("name", HEADERS)
def test_bomb_is_refused_by_its_header_at_next_to_no_cost(tmp_path: Path, name: str) -> None:
    found = taken(tmp_path, HEADERS[name]())

    assert found.answer["refused"] in {"bomb", "unreadable"}
    assert found.seconds < MOST_SECONDS
    assert found.memory < MOST_MEMORY


@needs_proc
@pytest.mark.parametrize("name", INSIDES)
def test_what_swells_inside_stays_within_the_bounds(tmp_path: Path, name: str) -> None:
    found = taken(tmp_path, INSIDES[name]())

    assert found.answer.keys() & {"refused", "format"}
    assert found.seconds < inspection.SECONDS
    assert found.memory < inspection.MEMORY


@needs_proc
def test_reading_it_without_a_look_at_the_header_costs_too_much(tmp_path: Path) -> None:
    """The version that opens whatever comes: Pillow itself only warns about three of our bombs."""
    found = taken(tmp_path, HEADERS["png that is really whole"](), "naive")

    assert found.memory > MOST_MEMORY


async def test_bot_itself_does_next_to_nothing_for_a_bomb(tmp_path: Path) -> None:
    pictures = Pictures(tmp_path / "inputs", allow_private=True, limits=PictureLimits(at_once=1))
    try:
        async with serving(always(answer(HEADERS["gif"]()))) as server:
            with pytest.raises(BadImageError):  # So that whatever is made once is made.
                await pictures.take(server.url, declared_size=100, filename="a.png")
        for name, made in HEADERS.items():
            content = made()
            async with serving(always(answer(content))) as server:
                tracemalloc.start()
                seconds = time.process_time()
                with pytest.raises(BadImageError):
                    await pictures.take(server.url, declared_size=len(content), filename="a.png")
                seconds, (_, peak) = time.process_time() - seconds, tracemalloc.get_traced_memory()
                tracemalloc.stop()
            assert seconds < MOST_SECONDS, name
            assert peak < MOST_MEMORY, name
    finally:
        tracemalloc.stop()
        await pictures.aclose()

    assert list((tmp_path / "inputs").iterdir()) == []


async def test_picture_that_swells_when_it_is_written_leaves_nothing_on_the_disk(tmp_path: Path) -> None:
    """What is repeated from afar is small for Deflate and large for LZW, in which a TIFF is written again."""
    content = bombs.swelling_tiff()
    assert len(content) < MEBIBYTE
    pictures = Pictures(tmp_path / "inputs", allow_private=True)
    try:
        async with serving(always(answer(content))) as server:
            with pytest.raises(BadImageError):
                await pictures.take(server.url, declared_size=len(content), filename="a.tiff")
    finally:
        await pictures.aclose()

    assert list((tmp_path / "inputs").iterdir()) == []


async def test_process_that_opens_a_strangers_picture_has_no_secret_to_give_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "token-canary-3310")
    script = tmp_path / "inspection.py"
    script.write_text(
        "import os, pathlib; pathlib.Path(__file__).with_name('seen').write_text(repr(dict(os.environ)));"
        'print(\'{"refused": "unreadable"}\')'
    )
    monkeypatch.setattr(inspection, "__file__", str(script))
    pictures = Pictures(tmp_path / "inputs", allow_private=True)
    try:
        async with serving(always(answer(b"x"))) as server:
            with pytest.raises(BadImageError):
                await pictures.take(server.url, declared_size=1, filename="a.png")
    finally:
        await pictures.aclose()

    seen = (tmp_path / "seen").read_text()
    assert "MALLOC_ARENA_MAX" in seen
    assert "canary" not in seen
