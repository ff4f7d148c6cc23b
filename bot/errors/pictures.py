"""A picture or a video that something should be made from cannot be used."""

from __future__ import annotations

from bot.errors.trunk import UserError
from bot.i18n import N_, Texts


class BadImageError(UserError):
    """The attachment cannot be used, whatever the model. `field` is the option that it was attached to."""

    field = "image"

    text = N_("**{field}**: this file is not a picture that we can read. Use JPEG, PNG or WebP.")

    def message(self, texts: Texts, **shown: object) -> str:
        return texts(self.text, **{"field": self.field, **self.values, **shown})


class EmptyImageError(BadImageError):
    text = N_("**{field}**: the file is empty.")


class ImageTooManyBytesError(BadImageError):
    text = N_("**{field}**: {given} MB is too large; pictures may have at most {limit} MB.")


class ImageBombError(BadImageError):
    text = N_("**{field}**: {given} pixels are too many to open safely; at most {limit} million are allowed.")


class AnimatedImageError(BadImageError):
    text = N_("**{field}**: animated pictures do not work as a first frame. Use a still one.")


class ImageUnreachableError(BadImageError):
    text = N_("**{field}**: Discord did not hand out the file. Attach it again.")


class PictureGoneError(BadImageError):
    text = N_("**{field}**: the picture of that video is no longer kept. Use `/video` and attach it again.")


class SourceGoneError(UserError):
    text = N_(
        "The provider no longer keeps that video, so that cannot be done with it any more. Make it again, and then use "
        "the button under the new one."
    )


class VideoGoneError(UserError):
    text = N_(
        "The file of that video cannot be had any more. Make it again, and then use the button under the new one."
    )
