"""When a price of the catalogue is called wrong, and when a difference says nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.catalogue.loader import load
from bot.domain.models import AUTO_DURATION, Mode, OptionName
from bot.domain.prices import Drift, ListedPrice, charged_drifts, listed_drifts
from bot.domain.videos import VideoRequest, VideoSpec, resolve

CATALOGUE = load().catalogue
KLING = CATALOGUE.get("kling-3-0")


def line(description: str, credits: float, unit: str = "per second") -> ListedPrice:
    return ListedPrice(description=description, credits=credits, unit=unit)


def made(**options: object) -> VideoSpec:
    found = resolve(replace(VideoRequest(prompt="a red fox", model=KLING.id), **options), KLING)
    assert isinstance(found, VideoSpec)
    return found


@pytest.mark.parametrize(
    ("listed", "drifts"),
    [
        ([line("kling-3.0/video, pro, without sound", 24)], [Drift(model=KLING.id, said=18, found=24)]),
        ([line("kling-3.0/video, pro, without sound", 21)], []),  # 17 % are no news
        ([line("kling-3.0/video, pro, without sound", 90)], []),  # a price for five seconds
        ([line("kling-3.0/video, pro, without sound", 24, "per video")], []),
        ([line("kling-3.0/video, pro, without sound, with elements", 24)], []),  # about something else
        ([line("kling-3.0/video, pro", 24)], []),  # with sound or without
        ([line("kling-3.0/video, 4k", 40)], [Drift(model=KLING.id, said=67, found=40)]),
        ([line("kling-3.0/video, pro, without sound", credits) for credits in (24, 30)], []),  # which of the two
        (
            [line("kling-3.0/video, pro, without sound", 24), line("kling-3.0/video, 4K", 30)],
            [Drift(model=KLING.id, said=67, found=30)],  # the larger one
        ),
    ],
)
def test_a_line_counts_when_it_is_about_exactly_one_price(listed: list[ListedPrice], drifts: list[Drift]) -> None:
    assert listed_drifts([KLING], listed) == drifts


def test_what_was_charged_counts_from_five_videos_on_and_by_its_median() -> None:
    video = made()  # 90 credits
    models = {KLING.id: KLING}

    assert charged_drifts(models, [(video, 120.0)] * 4) == []
    assert charged_drifts(models, [(video, 120.0)] * 3 + [(video, 90.0)] * 4) == []
    [drift] = charged_drifts(models, [(video, 120.0)] * 4 + [(video, 90.0)])
    assert (drift.model, drift.change) == (KLING.id, 33)


def test_a_video_whose_length_the_model_chose_says_nothing_of_the_price() -> None:
    wan = CATALOGUE.get("wan-3-0")
    video = VideoSpec(
        model=wan.id,
        mode=Mode.TEXT,
        prompt="a fox",
        options={OptionName.DURATION: AUTO_DURATION, OptionName.QUALITY: "1080p"},
        price=960,
    )

    assert charged_drifts({wan.id: wan}, [(video, 100.0)] * 9) == []
