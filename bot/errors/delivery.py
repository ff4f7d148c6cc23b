"""A finished video cannot be posted as it is, or not now."""

from __future__ import annotations

from bot.errors.trunk import CutsceneError


class DeliveryError(CutsceneError):
    """The finished video could not be posted as it is."""


class TooLargeError(DeliveryError):
    """The place does not take a file of this size."""


class CannotFitError(DeliveryError):
    """No version of the video is small enough and still worth watching, or the file is not one that we can decode."""


class PlaceGoneError(DeliveryError):
    """The channel is gone, or the bot may not post there any more."""


class AccessMissingError(PlaceGoneError):
    """Discord says that the bot has no access to the place. It has been seen to say so in error, for a moment."""


class DeliveryUnavailableError(DeliveryError):
    """Discord did not take the message just now; whether it is there is not known. Look, then repeat."""


class HistoryClosedError(DeliveryError):
    """The bot may post in this place but not read what is there, so nobody can look whether a message got through."""
