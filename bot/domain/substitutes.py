"""What another model would make of a job whose own model is broken."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.models import VideoModel
from bot.domain.videos import VideoRequest, VideoSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Substitute:
    """The other model, what it is asked for, and what it makes of that, with its price."""

    model: VideoModel
    request: VideoRequest
    video: VideoSpec
