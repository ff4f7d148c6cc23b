"""The models that this provider offers right now; tests pause, resume, remove and add them."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.kie_server.families import (
    bytedance,
    grok,
    kling,
    kling_older,
    seedance_first,
    sora,
    various,
    veo,
    wan,
    wan_older,
)
from sandbox.kie_server.models import Model


class Models:
    def __init__(self) -> None:
        families: tuple[tuple[Model, ...], ...] = (
            bytedance.MODELS,
            seedance_first.MODELS,
            kling.MODELS,
            kling_older.MODELS,
            wan.MODELS,
            wan_older.MODELS,
            grok.MODELS,
            various.MODELS,
            veo.JOBS,
            sora.MODELS,
        )
        self._by_slug = {model.slug: model for family in families for model in family}

    def __iter__(self) -> Iterator[Model]:
        return iter(self._by_slug.values())

    def find(self, slug: str) -> Model | None:
        return self._by_slug.get(slug)

    def get(self, slug: str) -> Model:
        return self._by_slug[slug]

    def pause(self, slug: str) -> None:
        self._by_slug[slug] = self._by_slug[slug].paused(True)

    def resume(self, slug: str) -> None:
        self._by_slug[slug] = self._by_slug[slug].paused(False)

    def remove(self, slug: str) -> None:
        del self._by_slug[slug]

    def add(self, model: Model) -> None:
        self._by_slug[model.slug] = model
