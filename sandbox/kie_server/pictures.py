"""Judges a task's input media when it renders, which is when the provider first looks at them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from sandbox.kie_server.models import ImageRule
from sandbox.kie_server.scenarios import Failure, Failures
from sandbox.kie_server.schemas import Media
from sandbox.kie_server.storage import Storage, Stored
from sandbox.kie_server.tasks import Service, Task

_LASTS = ("last_frame_url", "tail_image_url", "end_image_url")
# These take [first, last] in one list; elsewhere a second picture is one more reference.
_FRAME_PAIRS = ("kling-3.0/video", "kling-3.0-omni/image-to-video", "bytedance/seedance-1.5-pro")


class MediaRefusedError(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.text)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Pictures:
    """What the movie is to start and end with."""

    first: Path | None = None
    last: Path | None = None


def inspected(task: Task, storage: Storage) -> Pictures:
    """Find the task's pictures. Reads files: keep it off the event loop."""
    firsts: list[Path] = []
    last: Path | None = None
    for name, media, url in _media(task):
        stored = storage.find_url(url)
        if stored is None or not stored.file.exists():
            raise MediaRefusedError(Failures.IMAGE_FETCH if media is Media.IMAGE else Failures.MEDIA_FETCH)
        if media is not Media.IMAGE:
            continue
        _judge(task, stored, task.model.images)
        if name in _LASTS:
            last = stored.file
        else:
            firsts.append(stored.file)
    is_pair = task.slug in _FRAME_PAIRS or task.filled.get("generationType") == "FIRST_AND_LAST_FRAMES_2_VIDEO"
    if is_pair and len(firsts) > 1:
        last = firsts[1]
    return Pictures(firsts[0] if firsts else None, last)


def _media(task: Task) -> Iterator[tuple[str, Media, str]]:
    for known in task.model.fields:
        value = task.filled.get(known.name)
        if known.media is Media.NONE or not value:
            continue
        for url in value if isinstance(value, list) else [value]:
            yield known.name, known.media, str(url)


def _judge(task: Task, stored: Stored, rule: ImageRule) -> None:
    size = stored.file.stat().st_size
    try:
        with Image.open(stored.file) as picture:
            kind, width, height = picture.format or "", picture.width, picture.height
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as err:
        raise MediaRefusedError(Failures.IMAGE_FORMAT) from err
    # A JPEG under a .png name is served as image/png, and Veo then complains about something else altogether.
    if task.service is Service.VEO and Image.MIME.get(kind) != stored.content_type:
        raise MediaRefusedError(Failures.MISLEADING_AUDIO)
    if kind not in rule.formats or size > rule.max_bytes:
        raise MediaRefusedError(Failures.IMAGE_FORMAT)
    short, long = sorted((width, height))
    if short < rule.min_side or long > rule.max_side or long > rule.max_aspect * short:
        raise MediaRefusedError(Failures.IMAGE_SIDES)
