"""`python -m sandbox --once` as a newcomer runs it. First by name, because nothing here takes longer."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

import av
import pytest

REPOSITORY = Path(__file__).parents[2]
PATIENCE = 100.0
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
README_PART = re.compile(r"^```text\n(A video from words\n.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("options", [[], ["--crash"]], ids=["once", "crash"])
async def test_tour_leaves_two_playable_videos_and_a_transcript(options: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sandbox",
        "--once",
        "--out",
        str(out),
        *options,
        cwd=REPOSITORY,
        env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(PATIENCE):
        output, _ = await process.communicate()
    said = output.decode()

    assert process.returncode == 0, said
    for name in ("1-from-words.mp4", "2-from-a-picture.mp4"):
        assert _seconds(out / name) == pytest.approx(5, abs=0.3)
    assert (out / "transcript.txt").read_text(encoding="utf-8") in said
    assert "2 commands, 2 tasks at the provider, 2 posted videos" in said
    assert "balanced" in said
    assert ("kill -9" in said) is bool(options)
    assert (out / "bot.log").stat().st_size > 0
    if not options:
        shown = README_PART.search(README)
        assert shown is not None
        assert _lines(shown[1]) - _lines(said) == set()


def _lines(transcript: str) -> set[str]:
    """What is shown there, but for what depends on the machine: sizes, waits, and where files are saved."""
    lines = (re.sub(r"[\d,]+ (?=bytes|minutes?$)", "", line.strip()) for line in transcript.splitlines())
    return {line for line in lines if line not in ("", "...") and not line.startswith("saved")}


def _seconds(path: Path) -> float:
    """The length of a video that decodes to its last frame."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        frames = sum(1 for _ in container.decode(stream))
        assert stream.average_rate is not None
        return float(frames / stream.average_rate)


async def test_tour_into_a_file_is_refused_in_a_line(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("x", encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sandbox",
        "--once",
        "--out",
        str(taken),
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()

    assert process.returncode == 2
    assert str(taken) in output.decode()
    assert "Traceback" not in output.decode()
