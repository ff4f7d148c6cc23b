"""Which requests a model accepts, what they cost, and what a refusal says."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

import pytest

from bot.domain.models import (
    Choice,
    ImageFormat,
    Mode,
    OptionName,
    OptionSpec,
    OptionValue,
    PriceRow,
    PriceTable,
    VideoModel,
)
from bot.domain.problems import Problem, Rule
from bot.domain.values import nearest, offered
from bot.domain.vendor_inputs import vendor_fields
from bot.domain.videos import VideoRequest, VideoSpec, lowest_price, price, resolve
from tests.domain.making import ANIMATE, AUDIO, DURATION, MODEL, PICTURE, TEXT, option


def request(prompt: str = "a red fox", **values: object) -> VideoRequest:
    return dataclasses.replace(VideoRequest(prompt=prompt, model=MODEL.id), **values)


def refused(asked: VideoRequest, model: VideoModel = MODEL) -> Problem:
    answer = resolve(asked, model)
    assert isinstance(answer, Problem)
    return answer


def accepted(asked: VideoRequest, markup: Decimal = Decimal(1)) -> VideoSpec:
    answer = resolve(asked, MODEL, markup)
    assert isinstance(answer, VideoSpec), answer
    return answer


def test_what_the_member_left_out_is_the_models_default() -> None:
    video = accepted(request("  a red fox \n"))

    assert video.prompt == "a red fox"
    assert video.mode is Mode.TEXT
    assert video.options == {OptionName.ASPECT: "16:9", OptionName.DURATION: 5, OptionName.QUALITY: "720p"}
    assert video.price == 124  # 5 x 24.8


def test_what_the_member_chose_counts_and_is_spelled_as_the_catalogue_spells_it() -> None:
    video = accepted(request(aspect="1:1", duration=7, quality="480P"))

    assert video.options == {OptionName.ASPECT: "1:1", OptionName.DURATION: 7, OptionName.QUALITY: "480p"}
    assert video.price == 82  # 7 x 11.7 = 81.9


def test_a_picture_makes_it_image_mode_and_the_words_may_be_missing() -> None:
    video = accepted(request("", picture=PICTURE))

    assert video.mode is Mode.IMAGE
    assert video.picture == PICTURE
    assert vendor_fields(video, ANIMATE) == {
        "multi_shots": False,
        "aspect": "16:9",
        "duration": 5,
        "quality": "720p",
    }


@pytest.mark.parametrize("prompt", ["", " ", "\n\t "])
def test_neither_words_nor_picture_is_refused(prompt: str) -> None:
    assert refused(request(prompt)) == Problem(rule=Rule.PROMPT_OR_IMAGE, field="prompt")


def test_a_model_that_needs_words_beside_the_picture_says_so() -> None:
    strict = dataclasses.replace(ANIMATE, prompt=TEXT.prompt)
    model = dataclasses.replace(MODEL, modes={Mode.IMAGE: strict})

    assert refused(request("", picture=PICTURE), model) == Problem(rule=Rule.PROMPT_REQUIRED, field="prompt")


def test_a_prompt_that_is_too_short_or_too_long_is_refused_with_the_limit() -> None:
    short, long = refused(request("ab")), refused(request("x" * 21))

    assert (short.rule, short.field, short.values) == (Rule.PROMPT_TOO_SHORT, "prompt", {"given": 2, "limit": 3})
    assert (long.rule, long.field, long.values) == (Rule.PROMPT_TOO_LONG, "prompt", {"given": 21, "limit": 20})
    accepted(request("abc"))
    accepted(request("x" * 20))


def test_a_model_without_the_mode_says_which_half_is_missing() -> None:
    only_text = dataclasses.replace(MODEL, modes={Mode.TEXT: TEXT})
    only_image = dataclasses.replace(MODEL, modes={Mode.IMAGE: ANIMATE})

    no_picture, no_text = refused(request(picture=PICTURE), only_text), refused(request(), only_image)

    assert (no_picture.rule, no_picture.field) == (Rule.MODE_IMAGE_MISSING, "image")
    assert (no_text.rule, no_text.field) == (Rule.MODE_TEXT_MISSING, "image")
    assert no_text.values == {"model": "Maker 1"}


def test_an_option_that_the_model_does_not_have_is_refused() -> None:
    problem = refused(request(audio=False))

    assert problem == Problem(rule=Rule.OPTION_MISSING, field="audio", values={"given": "False"})


@pytest.mark.parametrize(
    ("chosen", "offer", "closest"),
    [
        ({"duration": 3}, "4-15", 4),
        ({"duration": 60}, "4-15", 15),
        ({"duration": -(10**30)}, "4-15", 4),
        ({"quality": "2160p"}, "480p, 720p, 1080p, 4k", "4k"),
        ({"quality": "700"}, "480p, 720p, 1080p, 4k", "720p"),
        ({"quality": "2k"}, "480p, 720p, 1080p, 4k", "1080p"),
        ({"quality": "best"}, "480p, 720p, 1080p, 4k", "720p"),
        ({"aspect": "21:9"}, "16:9, 9:16, 1:1, auto", "16:9"),
        ({"aspect": "2:3"}, "16:9, 9:16, 1:1, auto", "9:16"),
        ({"aspect": "5:4"}, "16:9, 9:16, 1:1, auto", "1:1"),
        ({"aspect": "0:9"}, "16:9, 9:16, 1:1, auto", "16:9"),
        ({"aspect": "wide"}, "16:9, 9:16, 1:1, auto", "16:9"),
    ],
)
def test_a_value_that_does_not_exist_is_answered_with_the_nearest(
    chosen: dict[str, object], offer: str, closest: OptionValue
) -> None:
    problem = refused(request(**chosen))

    assert problem.rule is Rule.OPTION_VALUE
    assert problem.field == next(iter(chosen))
    assert problem.nearest == closest
    assert problem.values["offered"] == offer
    assert problem.values["nearest"] == str(closest)
    accepted(request(**{problem.field: problem.nearest}) if closest != "4k" else request(quality="4k", duration=4))


@pytest.mark.parametrize("typed", ["²:1", "1:" + "9" * 5000, "9" * 5000 + "p", "`" * 6000, "١:٢"])
def test_nonsense_in_an_option_is_refused_in_a_short_answer(typed: str) -> None:
    problem = refused(request(aspect=typed))

    assert problem.nearest in ("16:9", "1:1", "9:16")
    assert len(str(problem.values["given"])) <= 50


def test_values_that_are_not_sold_together_are_refused_with_the_nearest_that_is() -> None:
    problem = refused(request(duration=12, quality="1080p"))

    assert problem.rule is Rule.OPTION_COMBINATION
    assert problem.field == "duration"
    assert problem.nearest == 5  # both 4 and 5 are sold in 1080p; 5 is closer to 12
    assert problem.values == {"given": "12", "nearest": "5"}
    assert accepted(request(duration=5, quality="1080p")).price == 250


def test_the_option_that_was_named_gives_way_and_not_a_default() -> None:
    problem = refused(request(quality="4k"))  # with the default of five seconds

    assert (problem.rule, problem.field, problem.nearest) == (Rule.OPTION_COMBINATION, "quality", "1080p")


def test_when_no_single_change_helps_the_way_back_goes_through_the_defaults() -> None:
    rows = (PriceRow(when={OptionName.ASPECT: "16:9", OptionName.QUALITY: "720p"}, credits=1),)
    narrow = dataclasses.replace(TEXT, price=PriceTable(per_second=True, rows=rows))
    model = dataclasses.replace(MODEL, modes={Mode.TEXT: narrow})

    first = refused(request(aspect="1:1", quality="4k"), model)
    second = refused(request(aspect="16:9", quality="4k"), model)

    assert (first.rule, first.field, first.nearest) == (Rule.OPTION_COMBINATION, "aspect", "16:9")
    assert (second.rule, second.field, second.nearest) == (Rule.OPTION_COMBINATION, "quality", "720p")


@pytest.mark.parametrize(
    ("change", "rule", "values"),
    [
        ({"format": ImageFormat.WEBP}, Rule.IMAGE_FORMAT, {"given": "WEBP", "offered": "JPEG, PNG"}),
        ({"size": 10_000_001}, Rule.IMAGE_BYTES, {"given": 10.1, "limit": 10.0}),
        ({"height": 299}, Rule.IMAGE_TOO_SMALL, {"given": "1280x299", "limit": 300}),
        ({"width": 6001}, Rule.IMAGE_TOO_LARGE, {"given": "6001x720", "limit": 6000}),
    ],
)
def test_a_picture_that_breaks_a_rule_is_refused_with_the_limit(
    change: dict[str, object], rule: Rule, values: dict[str, str | int | float]
) -> None:
    problem = refused(request(picture=dataclasses.replace(PICTURE, **change)))

    assert (problem.rule, problem.field) == (rule, "image")
    assert problem.values == values


@pytest.mark.parametrize(("width", "height"), [(2001, 800), (799, 2000)])
def test_a_picture_that_is_too_narrow_is_refused_with_both_limits(width: int, height: int) -> None:
    problem = refused(request(picture=dataclasses.replace(PICTURE, width=width, height=height)))

    assert (problem.rule, problem.field) == (Rule.IMAGE_RATIO, "image")
    assert (problem.values["lowest"], problem.values["highest"]) == (0.4, 2.5)


@pytest.mark.parametrize(
    "change",
    [
        {"size": 10_000_000},
        {"width": 300, "height": 300},
        {"width": 6000, "height": 6000},
        {"width": 2000, "height": 800},
        {"width": 800, "height": 2000},
    ],
)
def test_a_picture_exactly_at_a_limit_is_accepted(change: dict[str, object]) -> None:
    accepted(request(picture=dataclasses.replace(PICTURE, **change)))


@pytest.mark.parametrize(
    ("credits", "markup", "whole"),
    [
        (22.5, "1", 113),  # 112.5
        (24.8, "1", 124),  # exactly 124, and no more because of binary fractions
        (24.8, "1.25", 155),  # exactly 155
        (24.8, "1.1", 137),  # 136.4
        (0.02, "1", 1),  # a tenth of a credit is never nothing
        (11.7, "0.5", 30),  # 29.25
    ],
)
def test_prices_are_rounded_up_once_after_the_markup(credits: float, markup: str, whole: int) -> None:
    spec = dataclasses.replace(TEXT, price=PriceTable(per_second=True, rows=(PriceRow(when={}, credits=credits),)))

    assert price(spec, {OptionName.DURATION: 5}, Decimal(markup)) == whole


def test_a_price_per_clip_does_not_grow_with_the_duration() -> None:
    spec = dataclasses.replace(TEXT, price=PriceTable(per_second=False, rows=(PriceRow(when={}, credits=30),)))

    assert price(spec, {OptionName.DURATION: 15}) == 30


def test_the_markup_is_in_the_price_that_is_told_and_in_the_one_that_is_charged() -> None:
    assert lowest_price(MODEL, Mode.TEXT, Decimal("1.5")) == 186
    assert accepted(request(), Decimal("1.5")).price == 186
    assert lowest_price(dataclasses.replace(MODEL, modes={}), Mode.TEXT) is None


def test_a_model_that_sells_no_defaults_has_no_price_to_tell() -> None:
    empty = dataclasses.replace(TEXT, price=PriceTable(per_second=True, rows=()))

    assert lowest_price(dataclasses.replace(MODEL, modes={Mode.TEXT: empty}), Mode.TEXT) is None


def test_an_option_that_is_only_told_is_never_sent() -> None:
    silent = OptionSpec(
        name=OptionName.AUDIO, vendor_field=None, choices=(Choice(value=False, vendor=False),), default=False
    )
    spec = dataclasses.replace(TEXT, options={**TEXT.options, OptionName.AUDIO: silent})
    video = resolve(request(), dataclasses.replace(MODEL, modes={Mode.TEXT: spec}))

    assert isinstance(video, VideoSpec)
    assert video.options[OptionName.AUDIO] is False
    assert "audio" not in vendor_fields(video, spec)


def test_choices_are_told_as_a_range_only_when_they_are_one() -> None:
    assert offered(DURATION) == "4-15"
    assert offered(option(OptionName.DURATION, 6, 10)) == "6, 10"
    assert offered(option(OptionName.DURATION, 4, 6, 8)) == "4, 6, 8"
    assert offered(AUDIO) == "True, False"


def test_the_nearest_of_two_that_are_equally_near_is_the_one_that_is_offered_first() -> None:
    assert nearest(option(OptionName.DURATION, 6, 10), 8) == 6
    assert nearest(option(OptionName.DURATION, 10, 6), 8) == 10


def test_sound_that_cannot_be_had_is_answered_with_the_default() -> None:
    silent = option(OptionName.AUDIO, False)

    assert nearest(silent, True) is False
