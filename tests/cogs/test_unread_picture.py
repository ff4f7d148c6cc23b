"""The stand-in for a picture that was not fetched yet: whatever the model wants, it is no reason to refuse."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.models import Catalogue, ImageRules, Mode, VideoModel
from bot.domain.pictures import unread_picture
from bot.domain.problems import Problem
from bot.domain.videos import VideoRequest, resolve


def model_with(catalogue: Catalogue, **rules: object) -> VideoModel:
    model = catalogue.get("seedance-2-fast")
    spec = model.modes[Mode.IMAGE]
    assert isinstance(spec.image, ImageRules)
    return replace(model, modes={Mode.IMAGE: replace(spec, image=replace(spec.image, **rules))})


@pytest.mark.parametrize(
    "rules",
    [
        {},
        {"min_ratio": 1.7777, "max_ratio": 1.7779},
        {"min_ratio": 0.3, "max_ratio": 0.5625},
        {"min_side": 6000, "max_side": 6000},
        {"min_side": 1, "max_side": 100_000, "min_ratio": 0.01, "max_ratio": 100.0},
    ],
)
def test_it_breaks_no_rule(catalogue: Catalogue, rules: dict[str, object]) -> None:
    model = model_with(catalogue, **rules)

    found = resolve(
        VideoRequest(prompt="", model=model.id, picture=unread_picture(model.modes[Mode.IMAGE].image)), model
    )

    assert not isinstance(found, Problem)


def test_every_model_of_ours_takes_it(catalogue: Catalogue) -> None:
    for model in catalogue.models.values():
        if Mode.IMAGE not in model.modes:
            continue
        request = VideoRequest(
            prompt="a red fox", model=model.id, picture=unread_picture(model.modes[Mode.IMAGE].image)
        )

        found = resolve(request, model)

        assert not isinstance(found, Problem), model.id
