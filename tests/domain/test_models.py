"""What the catalogue's types answer by themselves."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.ids import ModelId, ProviderId
from bot.domain.models import (
    Catalogue,
    Choice,
    ModelState,
    OptionName,
    OptionSpec,
    PriceRow,
    VideoModel,
    closest_model_id,
)

QUALITY = OptionSpec(
    name=OptionName.QUALITY,
    vendor_field="resolution",
    choices=(Choice(value="720p", vendor="720P"), Choice(value="1080p", vendor="1080P")),
    default="720p",
)
DURATION = OptionSpec(
    name=OptionName.DURATION, vendor_field="duration", choices=(Choice(value=1, vendor="1"),), default=1
)
AUDIO = OptionSpec(
    name=OptionName.AUDIO,
    vendor_field="sound",
    choices=(Choice(value=True, vendor="on"), Choice(value=False, vendor="off")),
    default=False,
)


def model(model_id: str, name: str, *, is_default: bool = False) -> VideoModel:
    return VideoModel(
        id=ModelId(model_id),
        name=name,
        provider=ProviderId("kie_jobs"),
        family="Some",
        state=ModelState.LIVE,
        retired_on=None,
        successor=None,
        modes={},
        typical=timedelta(seconds=60),
        soft_limit=timedelta(minutes=10),
        outer_limit=timedelta(hours=1),
        is_default=is_default,
    )


def catalogue(*models: VideoModel) -> Catalogue:
    return Catalogue({each.id: each for each in models})


SEEDANCE = model("seedance-2-5", "Seedance 2.5")
FAST = model("seedance-2-fast", "Seedance 2 Fast", is_default=True)
KLING = model("kling-3-0", "Kling 3.0")


@pytest.mark.parametrize("typed", ["1080p", "1080P", " 1080p "])
def test_capitals_and_spaces_do_not_make_another_quality(typed: str) -> None:
    assert QUALITY.offers(typed)
    assert QUALITY.vendor_value(typed) == "1080P"


def test_a_value_that_is_not_offered_has_no_spelling_at_the_provider() -> None:
    assert not QUALITY.offers("4k")
    with pytest.raises(KeyError):
        QUALITY.vendor_value("4k")


def test_true_is_not_one_second_and_one_is_not_with_sound() -> None:
    assert DURATION.offers(1)
    assert not DURATION.offers(True)
    assert AUDIO.offers(True)
    assert not AUDIO.offers(1)


def test_a_price_row_looks_only_at_the_options_it_names() -> None:
    row = PriceRow(when={OptionName.QUALITY: "720p"}, credits=5)

    assert row.matches({OptionName.QUALITY: "720p", OptionName.AUDIO: True})
    assert not row.matches({OptionName.QUALITY: "1080p"})
    assert not row.matches({})


@pytest.mark.parametrize(
    "typed", ["seedance-2-5", "Seedance 2.5", "SEEDANCE-2-5", "seedance 2.5", "seedance_2_5", " Seedance  2.5 "]
)
def test_a_model_is_found_by_its_id_or_its_name_however_they_are_spelled(typed: str) -> None:
    assert catalogue(FAST, SEEDANCE, KLING).find(typed) is SEEDANCE


@pytest.mark.parametrize("typed", ["", "seedance", "seedance-2-55", "?!"])
def test_half_a_name_finds_nothing(typed: str) -> None:
    assert catalogue(FAST, SEEDANCE, KLING).find(typed) is None


def test_getting_a_model_needs_its_exact_id() -> None:
    assert catalogue(KLING).get("kling-3-0") is KLING
    with pytest.raises(KeyError):
        catalogue(KLING).get("Kling 3.0")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("seedence-2-5", "seedance-2-5"),
        ("Seedance2.5", "seedance-2-5"),
        ("kling", "kling-3-0"),
        ("kling 3", "kling-3-0"),
        ("sedance fast", "seedance-2-fast"),
    ],
)
def test_a_misspelled_model_is_guessed(typed: str, meant: str) -> None:
    assert closest_model_id(typed, catalogue(KLING, SEEDANCE, FAST)) == meant


@pytest.mark.parametrize("typed", ["", "zzzz", "視頻"])
def test_something_that_is_like_nothing_is_answered_with_the_default(typed: str) -> None:
    assert closest_model_id(typed, catalogue(KLING, SEEDANCE, FAST)) == "seedance-2-fast"


def test_an_empty_catalogue_has_nothing_to_suggest() -> None:
    assert closest_model_id("kling", Catalogue()) is None
