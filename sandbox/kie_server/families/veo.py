"""Veo 3.1 on its own routes: camel-case fields, three tiers, and what can be made of a finished video."""

from __future__ import annotations

from sandbox.kie_server.models import Model, Rate, choice, flag, links, text, whole
from sandbox.kie_server.schemas import Field, Input, InvalidInputError, Kind

_GENERATION_TYPES = ("TEXT_2_VIDEO", "FIRST_AND_LAST_FRAMES_2_VIDEO", "REFERENCE_2_VIDEO")
_ASPECTS = ("16:9", "9:16", "Auto")


def _aspect(given: Input) -> None:
    for name in ("aspect_ratio", "aspectRatio"):
        if given.get(name, "16:9") not in _ASPECTS:
            raise InvalidInputError(422, "Ratio error")


def _pictures(given: Input) -> None:
    images = given.get("imageUrls")
    count = len(images) if isinstance(images, list) else 0
    match given.get("generationType"):
        case "TEXT_2_VIDEO" if count:
            raise InvalidInputError(422, "imageUrls is not supported for TEXT_2_VIDEO")
        case "FIRST_AND_LAST_FRAMES_2_VIDEO" if count not in {1, 2}:
            raise InvalidInputError(422, "imageUrls must have 1 or 2 images")
        case "REFERENCE_2_VIDEO":
            if count not in {1, 2, 3}:
                raise InvalidInputError(422, "imageUrls must have 1 to 3 images")
            if given.get("duration") != 8 or given.get("model") == "veo3":
                raise InvalidInputError(422, "REFERENCE_2_VIDEO needs veo3_fast or veo3_lite and 8 seconds")
        case _:
            pass


def _inferred(given: Input) -> str:
    return "FIRST_AND_LAST_FRAMES_2_VIDEO" if given.get("imageUrls") else "TEXT_2_VIDEO"


def with_type(given: Input) -> dict[str, object]:
    """The server infers generationType where it was left out."""
    return {"generationType": _inferred(given)} | dict(given)


def _clips(small: float, middle: float, large: float) -> tuple[Rate, ...]:
    prices = {"720p": small, "1080p": middle, "4k": large}
    return tuple(
        Rate(credits=credit, when={"resolution": resolution}, is_per_second=False)
        for resolution, credit in prices.items()
    )


def _tier(name: str, small: float, middle: float, large: float) -> Model:
    return Model(
        slug=name,
        fields=(
            Field(name="prompt", kind=Kind.TEXT),
            choice("model", "veo3", "veo3_fast", "veo3_lite", default="veo3_fast"),
            choice("generationType", *_GENERATION_TYPES),
            links("imageUrls", 3),
            text("aspect_ratio"),
            text("aspectRatio"),
            choice("resolution", "720p", "1080p", "4k", default="720p"),
            Field(name="duration", kind=Kind.INTEGER, choices=(4, 6, 8), default=8),
            whole("seeds", 10_000, 99_999),
            text("watermark"),
            text("callBackUrl"),
            flag("enableTranslation", default=True),
            flag("enableFallback"),
        ),
        rates=_clips(small, middle, large),
        rules=(_aspect, _pictures),
        has_sound=True,
    )


TIERS = {
    tier.slug: tier
    for tier in (_tier("veo3", 250, 255, 380), _tier("veo3_fast", 60, 65, 180), _tier("veo3_lite", 30, 35, 150))
}

EXTEND = Model(
    slug="veo/extend",
    fields=(
        text("taskId"),
        Field(name="prompt", kind=Kind.TEXT, is_required=True, low=1),
        choice("model", "fast", "quality", "lite", default="fast"),
        whole("seeds", 10_000, 99_999),
        text("watermark"),
        text("callBackUrl"),
    ),
    rates=tuple(
        Rate(credits=credit, when={"model": tier}, is_per_second=False)
        for tier, credit in (("lite", 30), ("fast", 60), ("quality", 250))
    ),
    has_sound=True,
)


def _upgrade(slug: str, credit: float) -> Model:
    return Model(
        slug=slug,
        fields=(text("taskId"), whole("index", 0, 0, default=0), text("callBackUrl")),
        rates=(Rate(credits=credit, is_per_second=False),),
        is_copy=True,
    )


HD = _upgrade("veo/get-1080p-video", 5)
UHD = _upgrade("veo/get-4k-video", 120)

# The form in the Jobs API that the pages have described since September 2026. Nobody has been seen using it, so it is
# switched off here until a test switches it on; its price is taken to be that of the quality tier.
JOBS = (
    Model(
        slug="veo-3-1",
        fields=(
            Field(name="prompt", kind=Kind.TEXT, is_required=True, low=1),
            links("image_urls", 3),
            choice("generation_type", *_GENERATION_TYPES),
            choice("aspect_ratio", *_ASPECTS, default="16:9"),
            choice("resolution", "720p", "1080p", "4k", default="720p"),
            Field(name="duration", kind=Kind.INTEGER, choices=(4, 6, 8), default=8),
            flag("enable_translation", default=True),
            text("watermark"),
        ),
        rates=_clips(250, 255, 380),
        has_sound=True,
        is_paused=True,
    ),
)
