"""What another model would make of a job whose own model is broken."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from bot.domain.models import OptionName, VideoModel
from bot.domain.videos import VideoRequest, VideoSpec, request_of, resolve


@dataclass(frozen=True, slots=True, kw_only=True)
class Substitute:
    """The other model, what it is asked for, and what it makes of that, with its price in credits."""

    model: VideoModel
    request: VideoRequest
    video: VideoSpec

    def changes(self, video: VideoSpec) -> list[OptionName]:
        """The options of *video* that the other model makes differently, or does not have."""
        return [name for name, value in video.options.items() if self.video.options.get(name) != value]


def fitted(video: VideoSpec, model: VideoModel, markup: Decimal = Decimal(1)) -> Substitute | None:
    """*video* as *model* can make it: the options that do not fit are left to the model, the others stay.

    None when the prompt or the pictures do not fit, for those are the member's own to change.
    """
    options = dict(video.options)
    while True:
        request = replace(request_of(replace(video, options=options)), model=model.id)
        found = resolve(request, model, markup)
        if isinstance(found, VideoSpec):
            return Substitute(model=model, request=request, video=found)
        if found.field not in options:
            return None
        del options[OptionName(found.field)]
