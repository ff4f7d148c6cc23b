"""Turns a task into the movie that it promised."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Executor
from pathlib import Path

from sandbox.kie_server.models import seconds_of
from sandbox.kie_server.pictures import MediaRefusedError, Pictures, inspected
from sandbox.kie_server.scenarios import Failure, Failures
from sandbox.kie_server.storage import Storage
from sandbox.kie_server.tasks import Service, Task
from sandbox.movies import MovieRequest, MovieSize, MovieStudio, PictureError

_ASPECTS = ("aspect_ratio", "aspectRatio", "ratio")
_QUALITIES = ("resolution", "quality", "mode", "size")
_SOUNDS = ("sound", "audio", "generate_audio", "generate_audio_switch")
_NAMED_ASPECTS = {"portrait": "9:16", "landscape": "16:9"}


class Camera:
    def __init__(self, storage: Storage, studio: MovieStudio, size: MovieSize, executor: Executor) -> None:
        self._storage = storage
        self._studio = studio
        self._size = size
        self._executor = executor

    async def shoot(self, task: Task) -> Path | Failure:
        """The file with the movie, or why there is none."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._shoot, task)

    def _shoot(self, task: Task) -> Path | Failure:
        if _is_foreign(task):
            return Failures.LANGUAGE
        try:
            pictures = inspected(task, self._storage)
            if task.scenario.movie is not None:
                return task.scenario.movie
            if task.model.is_copy and task.source is not None and task.source.footage is not None:
                return task.source.footage
            return self._studio.movie(self._request(task, pictures), self._storage.new_result())
        except MediaRefusedError as refused:
            return refused.failure
        except PictureError:
            return Failures.IMAGE_FORMAT

    def _request(self, task: Task, pictures: Pictures) -> MovieRequest:
        filled = task.filled
        aspect = _first(filled, _ASPECTS) or ("auto" if pictures.first or pictures.last else "16:9")
        has_sound = task.model.has_sound or any(filled.get(name) is True for name in _SOUNDS)
        seconds = seconds_of(filled)
        options = [f"{seconds:g} s", _first(filled, _QUALITIES), "sound" if has_sound else ""]
        return MovieRequest(
            prompt=task.prompt,
            model=task.slug,
            seconds=seconds,
            aspect=_NAMED_ASPECTS.get(aspect, aspect),
            label=" · ".join(option for option in options if option),
            has_sound=has_sound,
            picture=pictures.first,
            last_picture=pictures.last,
            size=self._size,
        )


def _first(filled: Mapping[str, object], names: tuple[str, ...]) -> str:
    return next((value for name in names if isinstance(value := filled.get(name), str)), "")


def _is_foreign(task: Task) -> bool:
    """Veo without its translation reads only English."""
    is_untranslated = task.service is Service.VEO and task.filled.get("enableTranslation") is False
    return is_untranslated and not task.prompt.isascii()
