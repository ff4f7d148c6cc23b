"""Whatever somebody types for whatever model, the answer is a video that is sold or a refusal that helps."""

from __future__ import annotations

import dataclasses

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.catalogue.loader import load
from bot.domain.models import FOLLOW_UPS, ImageFormat, OptionName, VideoModel
from bot.domain.pictures import Picture
from bot.domain.problems import Problem, Rule
from bot.domain.vendor_inputs import attached, vendor_fields
from bot.domain.videos import VideoRequest, VideoSpec, price, resolve

CATALOGUE = load().catalogue
# What only works on finished videos is refused by that name, whatever else is typed.
MODELS = st.sampled_from(
    [model for model in CATALOGUE.models.values() if any(mode not in FOLLOW_UPS for mode in model.modes)]
)
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
        "style": st.none() | st.sampled_from(KNOWN[OptionName.STYLE]) | st.text(max_size=12),
        "seed": st.none() | st.integers(),
        "negative": st.none() | st.text(max_size=30) | st.just("x" * 501),
        "last_frame": st.none() | st.just(Picture(name="2", format=ImageFormat.PNG, width=900, height=900, size=9)),
        "references": st.lists(PICTURES, max_size=3).map(tuple),
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
    for _ in range(16):
        answer = resolve(request, model)
        if isinstance(answer, VideoSpec):
            check_video(answer, model)
            return
        check_refusal(answer, request, model)
        request = follow(answer, request, model)
    raise AssertionError(f"sixteen refusals, and still {answer}")


def check_video(video: VideoSpec, model: VideoModel) -> None:
    spec = model.modes[video.mode]
    assert set(spec.options) <= set(video.options) <= {*spec.options, *spec.free}
    assert all(
        video.options[name] in [choice.value for choice in option.choices] for name, option in spec.options.items()
    )
    pictures = bool(video.picture) + bool(video.last_frame) + len(video.references)
    assert video.price == price(spec, video.options, pictures=pictures)
    assert sum(len(place.files) for place in attached(video, spec)) == pictures
    assert video.price >= 1
    assert None not in vendor_fields(video, spec).values()


def check_refusal(problem: Problem, request: VideoRequest, model: VideoModel) -> None:
    assert problem.field in {"prompt", "image", "last_frame", "reference1", "reference2", "reference3", *OptionName}
    if problem.rule in (Rule.OPTION_VALUE, Rule.OPTION_COMBINATION):
        option = model.modes[request.mode].options[OptionName(problem.field)]
        assert problem.nearest is not None
        assert problem.nearest in [choice.value for choice in option.choices]
        assert problem.nearest != getattr(request, problem.field)


def follow(problem: Problem, request: VideoRequest, model: VideoModel) -> VideoRequest:  # noqa: PLR0912 - a table
    """The request changed as the refusal says."""
    good = Picture(name="2.jpg", format=ImageFormat.JPEG, width=1000, height=1000, size=1000)
    match problem.rule:
        case Rule.PROMPT_OR_IMAGE | Rule.PROMPT_REQUIRED | Rule.PROMPT_TOO_SHORT | Rule.PROMPT_TOO_LONG:
            return dataclasses.replace(request, prompt="A red fox crosses a river")
        case Rule.MODE_IMAGE_MISSING:
            return dataclasses.replace(request, picture=None, last_frame=None)
        case Rule.OPTION_MISSING:
            return dataclasses.replace(request, **{problem.field: None})
        case Rule.OPTION_VALUE | Rule.OPTION_COMBINATION | Rule.OPTION_RANGE:
            return dataclasses.replace(request, **{problem.field: problem.nearest})
        case Rule.OPTION_LENGTH | Rule.LAST_FRAME_ALONE:
            return dataclasses.replace(request, **{problem.field: None})
        case Rule.LAST_FRAME_REQUIRED:
            return dataclasses.replace(request, last_frame=good)
        case Rule.MODE_REFERENCE_MISSING:
            return dataclasses.replace(request, references=())
        case Rule.FRAMES_OR_REFERENCES:
            return dataclasses.replace(request, picture=None, last_frame=None)
        case Rule.TOO_MANY_REFERENCES:
            return dataclasses.replace(request, references=request.references[: int(problem.values["limit"])])
        case Rule.TOO_MANY_SHOTS:
            return dataclasses.replace(request, prompt=request.prompt.replace("\r", " ").replace("\n", " "))
        case _ if problem.field.startswith("reference"):
            return dataclasses.replace(request, references=(good,))
        case _ if problem.field == "last_frame":
            return dataclasses.replace(request, last_frame=good)
        case _:
            return dataclasses.replace(request, picture=good)
