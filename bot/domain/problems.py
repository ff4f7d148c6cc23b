"""Why a request is refused before anything is spent."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.models import OptionValue


class Rule(StrEnum):
    """The rules that a request can break; each has one text for people in `bot/errors/requests.py`."""

    PROMPT_OR_IMAGE = "prompt_or_image"  # neither was given
    PROMPT_REQUIRED = "prompt_required"  # the model needs words beside the picture
    PROMPT_TOO_SHORT = "prompt_too_short"
    PROMPT_TOO_LONG = "prompt_too_long"
    TOO_MANY_SHOTS = "too_many_shots"  # more lines than the model takes shots, or than there are seconds
    MODE_TEXT_MISSING = "mode_text_missing"  # the model only animates pictures
    MODE_IMAGE_MISSING = "mode_image_missing"  # the model takes no picture to start from
    MODE_REFERENCE_MISSING = "mode_reference_missing"  # the model takes no pictures of who or what is in the video
    MODE_FOLLOW_UP = "mode_follow_up"  # the model only works on finished videos
    FOLLOW_UP_MISSING = "follow_up_missing"  # the model cannot do that with a finished video
    OPTION_MISSING = "option_missing"  # the model does not have this option in this mode
    OPTION_VALUE = "option_value"  # the option exists, the value does not
    OPTION_COMBINATION = "option_combination"  # each value exists, but not together: no price for it
    OPTION_RANGE = "option_range"  # a number that is too small or too large
    OPTION_LENGTH = "option_length"  # a text that is too long
    LAST_FRAME_ALONE = "last_frame_alone"  # the model needs a first frame beside it
    LAST_FRAME_REQUIRED = "last_frame_required"  # the model goes from one picture to another
    FRAMES_OR_REFERENCES = "frames_or_references"  # the model takes either, not both
    TOO_MANY_REFERENCES = "too_many_references"
    SOURCE_LENGTH = "source_length"  # the earlier video is too long for the follow-up
    SOURCE_BYTES = "source_bytes"
    IMAGE_FORMAT = "image_format"
    IMAGE_BYTES = "image_bytes"
    IMAGE_TOO_SMALL = "image_too_small"
    IMAGE_TOO_LARGE = "image_too_large"
    IMAGE_RATIO = "image_ratio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a request is refused: the field, what was given, the limit and the nearest value that is valid."""

    rule: Rule
    field: str
    values: Mapping[str, str | int | float] = dataclasses.field(default_factory=dict)
    nearest: OptionValue | None = None
