"""A video as its provider is asked for it: the fields of the input, and the files that go into some of them."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.models import ModeSpec, VendorField
from bot.domain.pictures import Clip, Picture
from bot.domain.videos import VideoSpec, shots


def vendor_fields(video: VideoSpec, spec: ModeSpec) -> dict[str, VendorField]:
    """The provider's input object for this video, without its pictures and without the video that it works on."""
    fields: dict[str, VendorField] = dict(spec.fixed)
    if spec.shots is not None:
        parts: list[dict[str, str | int]] = [
            {spec.shots.text_field: text, spec.shots.seconds_field: seconds}
            for text, seconds in shots(video.prompt, video.options)
        ]
        fields[spec.shots.vendor_field] = parts
    elif video.prompt:
        fields["prompt"] = video.prompt
    if video.source is not None and video.source.task_id is not None and spec.source is not None:
        fields[spec.source.vendor_field] = str(video.source.task_id)
    if video.source is not None and spec.source is not None and spec.source.seconds_field is not None:
        fields[spec.source.seconds_field] = video.source.seconds
    for name, value in video.options.items():
        if name in spec.free:
            fields[spec.free[name].vendor_field] = str(value) if spec.free[name].is_text else value
        elif (option := spec.options[name]).vendor_field is not None:
            fields[option.vendor_field] = option.vendor_value(value)
    return fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """The stored files that fill one of the provider's fields."""

    vendor_field: str
    as_list: bool
    files: tuple[Picture | Clip, ...]


def attached(video: VideoSpec, spec: ModeSpec) -> list[Attached]:
    """What has to be brought to the provider, by the fields that it goes into, in the order that it goes there."""
    placed: dict[str, Attached] = {}

    def put(field: str, file: Picture | Clip, *, as_list: bool) -> None:
        files = placed[field].files if field in placed else ()
        placed[field] = Attached(vendor_field=field, as_list=as_list, files=(*files, file))

    if spec.image is not None and video.picture is not None:
        put(spec.image.vendor_field, video.picture, as_list=spec.image.as_list)
    if spec.last_frame is not None and video.last_frame is not None:
        # Some vendors take both frames in one list.
        is_shared = spec.image is not None and spec.image.vendor_field == spec.last_frame.vendor_field
        put(spec.last_frame.vendor_field, video.last_frame, as_list=is_shared)
    if spec.references is not None:
        for picture in video.references:
            put(spec.references.vendor_field, picture, as_list=spec.references.as_list)
    if spec.source is not None and video.source is not None and video.source.clip is not None:
        put(spec.source.vendor_field, video.source.clip, as_list=spec.source.as_list)
    return list(placed.values())
