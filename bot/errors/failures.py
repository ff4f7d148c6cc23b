"""What a member is told about why a job failed."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.jobs import FailureReason
from bot.i18n import N_

FAILURE_TEXTS: Mapping[FailureReason, str] = {
    FailureReason.MODERATION: N_(
        "The model's safety filter refused it, and does not say whether because of the prompt, the picture or the "
        "finished video. Choose other words or another picture."
    ),
    FailureReason.MODERATION_PROMPT: N_(
        "The model's safety filter refused the prompt. Say it in other words: leave out violence, nudity, real people "
        "and brands."
    ),
    FailureReason.MODERATION_IMAGE: N_(
        "The model's safety filter refused the picture. The prompt may stay: use `/video` with another picture."
    ),
    FailureReason.MODERATION_RESULT: N_(
        "The model's safety filter refused the finished video, not what you asked for. The next try may pass; plainer "
        "words make that likelier."
    ),
    FailureReason.PERSON: N_(
        "The model takes no picture of a child or of a well-known person. Use `/video` with another picture."
    ),
    FailureReason.IMAGE: N_("The model could not use the picture. Use `/video` with another one, as JPEG or PNG."),
    FailureReason.IMAGE_UNREACHED: N_(
        "The model could not fetch the picture; nothing is wrong with your prompt. Trying again often helps, or use "
        "`/video` and attach it anew."
    ),
    FailureReason.IMAGE_GONE: N_(
        "The bot no longer has the picture, so nothing was sent to the model. Use `/video` and attach it anew."
    ),
    FailureReason.SOURCE_GONE: N_(
        "The video that this was to be made from is no longer kept. Make that one again, and then use the button under "
        "the new one."
    ),
    FailureReason.AUDIO: N_(
        "The model could not make the sound for it. Leave out speech and music in the prompt, switch the sound off, or "
        "take another picture."
    ),
    FailureReason.LANGUAGE: N_("This model only understands English. Write the prompt in English."),
    FailureReason.REJECTED: N_("The provider refused the request. Try other options or another model."),
    FailureReason.BUSY: N_("The model has too much to do at the moment. Try again in some minutes, or another model."),
    FailureReason.UPSTREAM: N_("The model failed on the provider's side. Trying again often helps."),
    FailureReason.TIMEOUT: N_("The provider did not finish in time. Trying again often helps, or take another model."),
    FailureReason.NO_ANSWER: N_("The provider never said whether it took the job. The host has been told."),
    FailureReason.NO_RESULT: N_("The provider finished without a usable video. Trying again often helps."),
    FailureReason.NOT_NOW: N_("The provider takes no jobs at the moment. The host has been told; try again later."),
    FailureReason.BALANCE: N_(
        "The host's account at the video provider is used up. The host has been told; try again later."
    ),
    FailureReason.MODEL_PAUSED: N_("The provider has switched this model off. Choose another one."),
    FailureReason.BROKEN: N_("Something broke on our side. The host has been told."),
}


_MODERATION_WITHOUT_PICTURE = N_(
    "The model's safety filter refused it, and does not say whether because of the prompt or the finished video. "
    "Choose other words."
)

# For a job that had no picture: vendors talk of images also where they mean their own, or a frame of an earlier video.
TEXTS_WITHOUT_PICTURE: Mapping[FailureReason, str] = {
    FailureReason.MODERATION: _MODERATION_WITHOUT_PICTURE,
    FailureReason.MODERATION_IMAGE: _MODERATION_WITHOUT_PICTURE,
    FailureReason.PERSON: _MODERATION_WITHOUT_PICTURE,
    FailureReason.IMAGE: FAILURE_TEXTS[FailureReason.REJECTED],
    FailureReason.IMAGE_UNREACHED: FAILURE_TEXTS[FailureReason.UPSTREAM],
}
