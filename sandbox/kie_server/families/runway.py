"""Runway and Aleph, which the Jobs API does not know either: camel-case fields, one model each."""

from __future__ import annotations

from sandbox.kie_server.models import Model, Rate, choice, flag, link, text, whole
from sandbox.kie_server.schemas import Field, Input, InvalidInputError, Kind, Media, is_given

_ASPECTS = ("16:9", "4:3", "1:1", "3:4", "9:16")


def _fits(given: Input) -> None:
    if given.get("duration") == 10 and given.get("quality") == "1080p":
        raise InvalidInputError(422, "1080p videos can only be 5 seconds long")
    if not is_given(given.get("imageUrl")) and not is_given(given.get("aspectRatio")):
        raise InvalidInputError(422, "aspectRatio is required")


def _clip(credits: float, **when: object) -> Rate:
    return Rate(credits=credits, when=when, is_per_second=False)


GENERATE = Model(
    slug="runway",
    fields=(
        Field(name="prompt", kind=Kind.TEXT, is_required=True, low=1, high=1800),
        link("imageUrl"),
        Field(name="duration", kind=Kind.INTEGER, choices=(5, 10), default=5),
        choice("quality", "720p", "1080p", default="720p"),
        choice("aspectRatio", *_ASPECTS),
        text("waterMark"),
        text("callBackUrl"),
    ),
    rates=(_clip(30, duration=10), _clip(30, quality="1080p"), _clip(12)),
    rules=(_fits,),
)

# No source names the price of an extension; it is taken to cost what a new clip of five seconds does.
EXTEND = Model(
    slug="runway-extend",
    fields=(
        text("taskId"),
        Field(name="prompt", kind=Kind.TEXT, is_required=True, low=1, high=1800),
        choice("quality", "720p", "1080p", default="720p"),
        text("waterMark"),
        text("callBackUrl"),
    ),
    rates=(_clip(30, quality="1080p"), _clip(12)),
)

ALEPH = Model(
    slug="aleph",
    fields=(
        Field(name="prompt", kind=Kind.TEXT, is_required=True, low=1, high=2048),
        link("videoUrl", Media.VIDEO, is_required=True),
        choice("aspectRatio", "16:9", "9:16", "4:3", "3:4", "1:1", "21:9"),
        whole("seed", 0, 2**31 - 1),
        link("referenceImage"),
        text("waterMark"),
        flag("uploadCn", default=False),
        text("callBackUrl"),
    ),
    rates=(_clip(110),),
)
