"""Kling: durations as strings (integers for omni), many required fields, JPEG and PNG only."""

from __future__ import annotations

from sandbox.kie_server.models import (
    NSFW_CHECKER,
    ImageRule,
    Model,
    Rate,
    choice,
    digits,
    flag,
    links,
    objects,
    prompt,
    whole,
)
from sandbox.kie_server.scenarios import PendingCredits, PendingPath
from sandbox.kie_server.schemas import Field, Input, Media, Rule, at_least_one, is_given, required_when

IMAGES = ImageRule(formats=frozenset({"JPEG", "PNG"}), max_bytes=10_000_000)
_ASPECTS = ("16:9", "9:16", "1:1")
_OMNI_IMAGES = ImageRule(formats=frozenset({"JPEG", "PNG"}), max_bytes=50_000_000)


def _is_one_shot(given: Input) -> bool:
    return not given.get("multi_shots")


def _has_no_images(given: Input) -> bool:
    return not is_given(given.get("image_urls"))


def _omni(slug: str, *own: Field, rules: tuple[Rule, ...] = ()) -> Model:
    return Model(
        slug=slug,
        fields=(
            prompt(high=3072),
            whole("duration", 3, 15, default=5),
            choice("resolution", "720p", "1080p", "4k", default="720p"),
            flag("audio", default=False),
            flag("customize_multi_shots", default=True),
            flag("prefer_multi_shots", default=False),
            objects("multi_prompt", 6),
            objects("elements", 3, default=[]),
            *own,
        ),
        rates=(
            Rate(credits=14, when={"resolution": "720p", "audio": False}),
            Rate(credits=18, when={"resolution": "720p", "audio": True}),
            Rate(credits=18, when={"resolution": "1080p", "audio": False}),
            Rate(credits=23, when={"resolution": "1080p", "audio": True}),
            Rate(credits=67, when={"resolution": "4k"}),
        ),
        rules=rules,
        images=_OMNI_IMAGES,
        pending_credits=PendingCredits.FULL,
    )


def _turbo(slug: str, own: Field) -> Model:
    return Model(
        slug=slug,
        fields=(
            prompt(high=2500),
            digits("duration", 3, 15, is_required=True),
            choice("resolution", "720p", "1080p", is_required=True),
            own,
            NSFW_CHECKER,
        ),
        rates=(Rate(credits=18, when={"resolution": "720p"}), Rate(credits=22.5, when={"resolution": "1080p"})),
        images=IMAGES,
    )


MODELS = (
    Model(
        slug="kling-3.0/video",
        fields=(
            Field(name="prompt", kind=prompt(high=2500).kind, high=2500),
            digits("duration", 3, 15, default="5", is_required=True),
            choice("aspect_ratio", "16:9", "9:16", "1:1"),
            choice("mode", "std", "pro", "4K", default="pro", is_required=True),
            flag("sound", is_required=True),
            flag("multi_shots", is_required=True),
            objects("multi_prompt", 5),
            links("image_urls", 2),
            objects("kling_elements", 3),
            NSFW_CHECKER,
        ),
        rates=(
            Rate(credits=14, when={"mode": "std", "sound": False}),
            Rate(credits=20, when={"mode": "std", "sound": True}),
            Rate(credits=18, when={"mode": "pro", "sound": False}),
            Rate(credits=27, when={"mode": "pro", "sound": True}),
            Rate(credits=67, when={"mode": "4K"}),
        ),
        rules=(
            required_when("prompt", _is_one_shot),
            required_when("multi_prompt", lambda given: not _is_one_shot(given)),
            required_when("aspect_ratio", _has_no_images),
        ),
        images=IMAGES,
        pending_path=PendingPath.GENERATING,
    ),
    _turbo("kling/v3-turbo-text-to-video", choice("aspect_ratio", "16:9", "9:16", "1:1", is_required=True)),
    _turbo("kling/v3-turbo-image-to-video", links("image_urls", 1, is_required=True)),
    _omni("kling-3.0-omni/text-to-video", choice("aspect_ratio", *_ASPECTS, default="16:9")),
    # With pictures the server makes the aspect "auto".
    _omni(
        "kling-3.0-omni/image-to-video",
        links("image_urls", 2, is_required=True),
        choice("aspect_ratio", *_ASPECTS, "auto", default="auto"),
    ),
    _omni(
        "kling-3.0-omni/reference-to-video",
        links("image_urls", 7),
        links("video_urls", 1, Media.VIDEO),
        choice("aspect_ratio", *_ASPECTS, "auto", default="16:9"),
        rules=(at_least_one("image_urls", "video_urls", "elements"),),
    ),
)
