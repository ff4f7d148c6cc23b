"""A finished video that something is done with: kept beside the pictures, whoever else asks for it meanwhile."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain.ids import JobId
from bot.domain.jobs import StoredVideo
from bot.errors.pictures import VideoGoneError
from bot.media import Clips, VideoDownloads

CONTENT = b"a video" * 1000
KEPT = StoredVideo(name="7.mp4", size=len(CONTENT))


@pytest.fixture
async def clips(tmp_path: Path) -> AsyncIterator[Clips]:
    downloads = VideoDownloads(allow_private=True)
    results = tmp_path / "results"
    results.mkdir()
    (results / KEPT.name).write_bytes(CONTENT)
    yield Clips(inputs=tmp_path / "inputs", results=results, downloads=downloads)
    await downloads.aclose()


async def test_kept_video_outlives_the_file_that_it_was_kept_in(clips: Clips, tmp_path: Path) -> None:
    clip = await clips.take(JobId(7), KEPT, None)
    (tmp_path / "results" / KEPT.name).unlink()

    assert clip.size == len(CONTENT)
    assert clips.path(clip).read_bytes() == CONTENT


async def test_two_who_want_the_same_video_at_once_both_get_it_and_it_is_never_away(
    clips: Clips, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = clips.path(await clips.take(JobId(7), KEPT, None))
    link, both_are_here = os.link, threading.Barrier(2)
    was_there: list[bool] = []

    def link_together(*names: Path) -> None:
        both_are_here.wait(timeout=30)
        # An earlier job may be handing the file to its provider at this moment.
        was_there.append(path.is_file())
        link(*names)

    monkeypatch.setattr(os, "link", link_together)

    first, second = await asyncio.gather(*(clips.take(JobId(7), KEPT, None) for _ in range(2)))

    assert first == second
    assert was_there == [True, True]
    assert path.read_bytes() == CONTENT
    assert [each.name for each in path.parent.iterdir()] == [path.name]


async def test_file_system_without_hard_links_gets_a_copy(clips: Clips, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)

    clip = await clips.take(JobId(7), KEPT, None)

    assert clips.path(clip).read_bytes() == CONTENT


async def test_video_that_is_kept_nowhere_is_gone(clips: Clips, tmp_path: Path) -> None:
    (tmp_path / "results" / KEPT.name).unlink()

    with pytest.raises(VideoGoneError):
        await clips.take(JobId(7), KEPT, None)

    assert list((tmp_path / "inputs").iterdir()) == []
