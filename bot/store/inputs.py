"""What a job works on, as JSON in its row: pictures, and the earlier video of a follow-up.

The first picture has a column of its own, from the days when it was the only one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypedDict

from bot.domain.ids import JobId, TaskId
from bot.domain.models import ImageFormat
from bot.domain.pictures import Clip, Picture
from bot.domain.videos import Source, VideoSpec

Stored = dict[str, Any]


class Inputs(TypedDict):
    """The fields of a `VideoSpec` that the column holds."""

    last_frame: Picture | None
    references: tuple[Picture, ...]
    source: Source | None


def as_json(video: VideoSpec) -> Stored | None:
    """None for the many jobs that have nothing of it."""
    stored: Stored = {}
    if video.last_frame is not None:
        stored["last_frame"] = picture_as_json(video.last_frame)
    if video.references:
        stored["references"] = [picture_as_json(picture) for picture in video.references]
    if video.source is not None:
        clip = video.source.clip
        stored["source"] = {
            "job": video.source.job,
            "seconds": video.source.seconds,
            "task_id": video.source.task_id,
            "clip": None if clip is None else {"name": clip.name, "size": clip.size},
        }
    return stored or None


def of_json(stored: Stored | None) -> Inputs:
    found = stored or {}
    source = found.get("source")
    return Inputs(
        last_frame=picture_of_json(found.get("last_frame")),
        references=tuple(_picture(each) for each in found.get("references", ())),
        source=None if source is None else _source(source),
    )


def file_names(picture: Stored | None, stored: Stored | None) -> Iterator[str]:
    """The names of all files that these columns speak of."""
    found = stored or {}
    for one in (picture, found.get("last_frame"), *found.get("references", ()), found.get("source", {}).get("clip")):
        if one is not None:
            yield str(one["name"])


def picture_as_json(picture: Picture | None) -> Stored | None:
    if picture is None:
        return None
    return {
        "name": picture.name,
        "format": picture.format,
        "width": picture.width,
        "height": picture.height,
        "size": picture.size,
    }


def picture_of_json(stored: Stored | None) -> Picture | None:
    return None if stored is None else _picture(stored)


def _picture(stored: Mapping[str, Any]) -> Picture:
    return Picture(
        name=stored["name"],
        format=ImageFormat(stored["format"]),
        width=stored["width"],
        height=stored["height"],
        size=stored["size"],
    )


def _source(stored: Mapping[str, Any]) -> Source:
    clip, task_id = stored["clip"], stored["task_id"]
    return Source(
        job=JobId(stored["job"]),
        seconds=stored["seconds"],
        task_id=None if task_id is None else TaskId(task_id),
        clip=None if clip is None else Clip(name=clip["name"], size=clip["size"]),
    )
