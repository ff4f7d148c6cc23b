"""Whatever somebody types for whatever model, the answer is a video that is sold or a refusal that helps."""

from __future__ import annotations

import dataclasses

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.catalogue.loader import load
from bot.domain.models import ImageFormat, OptionName, VideoModel
from bot.domain.pictures import Picture
from bot.domain.problems import Problem, Rule
from bot.domain.videos import VideoRequest, VideoSpec, price, resolve, vendor_fields

CATALOGUE = load().catalogue
MODELS = st.sampled_from(list(CATALOGUE.models.values()))
PICTURES = st.builds(
    Picture,
    name=st.just("1.png"),
    format=st.sampled_from(ImageFormat),
    width=st.integers(1, 10_000),
    height=st.integers(1, 10_000),
    size=st.integers(1, 40_000_000),
)
KNOWN = {
    name: sorted(
        {
            str(c.value)
            for m in CATALOGUE.models.values()
            for s in m.modes.values()
            if name in s.options
            for c in s.options[name].choices
        }
    )
    for name in OptionName
}
REQUESTS = st.fixed_dictionaries(
    {
        "prompt": st.one_of(st.text(max_size=30), st.just("A red fox crosses a river"), st.just("x" * 30_001)),
        "picture": st.none()
        | PICTURES
        | st.just(Picture(name="1", format=ImageFormat.JPEG, width=900, height=900, size=9)),
        "aspect": st.none() | st.sampled_from(KNOWN[OptionName.ASPECT]) | st.text(max_size=12),
        "duration": st.none() | st.integers(1, 31) | st.integers(),
        "quality": st.none() | st.sampled_from(KNOWN[OptionName.QUALITY]) | st.text(max_size=12),
        "audio": st.none() | st.booleans(),
    }
)


# No deadline: a busy machine is not a wrong answer.
@settings(deadline=None)
@given(model=MODELS, typed=REQUESTS)
def test_every_request_ends_in_a_priced_video_or_in_a_refusal_that_leads_to_one(
    model: VideoModel, typed: dict[str, object]
) -> None:
    request = dataclasses.replace(VideoRequest(prompt="", model=model.id), **typed)

    # Whoever does what the refusals say arrives, and does not walk in circles.
    for _ in range(10):
        answer = resolve(request, model)
        if isinstance(answer, VideoSpec):
            check_video(answer, model)
            return
        check_refusal(answer, request, model)
        request = follow(answer, request, model)
    raise AssertionError(f"ten refusals, and still {answer}")


def check_video(video: VideoSpec, model: VideoModel) -> None:
    spec = model.modes[video.mode]
    assert set(video.options) == set(spec.options)
    assert all(
        value in [choice.value for choice in spec.options[name].choices] for name, value in video.options.items()
    )
    assert video.price == price(spec, video.options)
    assert video.price >= 1
    assert None not in vendor_fields(video, spec).values()


def check_refusal(problem: Problem, request: VideoRequest, model: VideoModel) -> None:
    assert problem.field in {"prompt", "image", *OptionName}
    if problem.rule in (Rule.OPTION_VALUE, Rule.OPTION_COMBINATION):
        option = model.modes[request.mode].options[OptionName(problem.field)]
        assert problem.nearest is not None
        assert problem.nearest in [choice.value for choice in option.choices]
        assert problem.nearest != getattr(request, problem.field)


def follow(problem: Problem, request: VideoRequest, model: VideoModel) -> VideoRequest:
    """The request changed as the refusal says."""
    good = Picture(name="2.jpg", format=ImageFormat.JPEG, width=1000, height=1000, size=1000)
    match problem.rule:
        case Rule.PROMPT_OR_IMAGE | Rule.PROMPT_REQUIRED | Rule.PROMPT_TOO_SHORT | Rule.PROMPT_TOO_LONG:
            return dataclasses.replace(request, prompt="A red fox crosses a river")
        case Rule.MODE_IMAGE_MISSING:
            return dataclasses.replace(request, picture=None)
        case Rule.OPTION_MISSING:
            return dataclasses.replace(request, **{problem.field: None})
        case Rule.OPTION_VALUE | Rule.OPTION_COMBINATION:
            return dataclasses.replace(request, **{problem.field: problem.nearest})
        case _:
            return dataclasses.replace(request, picture=good)
