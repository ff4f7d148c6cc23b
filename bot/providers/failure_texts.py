"""What the texts of failed tasks and refused requests mean, whichever vendor wrote them: which input was at fault.

The texts were collected from documentation and public clients. They change, so they are matched loosely, and where they
leave open what was at fault the reason does so too: a member who changes the wrong thing pays with patience.
"""

from __future__ import annotations

from bot.domain.jobs import FailureReason

_MODERATION = (
    "flagged",
    "sensitive",
    "unsafe",
    "moderation",
    "moderator",
    "nsfw",
    "content polic",
    "safety",
    "violat",
    "inappropriate",
)
# What a refusal by a filter names, by the reason that follows.
_NAMED: tuple[tuple[FailureReason, tuple[str, ...]], ...] = (
    (FailureReason.MODERATION_PROMPT, ("prompt", "sensitive word", "input text")),
    (FailureReason.MODERATION_IMAGE, ("image", "picture", "photo", "upload", "frame")),
    (FailureReason.MODERATION_RESULT, ("output", "generated", "result")),
)

# Options that models have (Kie's model pages): a refusal that names one of them is about a field of ours, and a member
# would be given the blame for words or pictures.
_OPTIONS = ("nsfw checker", "enable safety checker")

# The first row with a text that occurs in the message counts.
_REASONS: tuple[tuple[FailureReason, tuple[str, ...]], ...] = (
    (FailureReason.LANGUAGE, ("only english", "english prompt", "only supports english")),
    (
        FailureReason.IMAGE_UNREACHED,
        (
            "image fetch failed",
            "fetch the image",
            "fetch image",
            "media fetch failed",
            "fetch the media",
            "url is wrong",
        ),
    ),
    (FailureReason.IMAGE, ("image format", "invalid image", "unsupported width", "unsupported height")),
    # With a picture this is what Veo says of one whose name ends differently from what it is; without, of a sound track
    # that its own filter took away.
    (FailureReason.AUDIO, ("unable to generate audio",)),
    (FailureReason.TIMEOUT, ("timed out", "timeout")),
    (
        FailureReason.BUSY,
        # The last two are limits of Kie's own account at Runway, and come under the code of bad requests.
        (
            "server is busy",
            "concurrent limit",
            "limit for concurrent",
            "overloaded",
            "too many",
            "you can upgrade",
            "free trials",
        ),
    ),
    (FailureReason.UPSTREAM, ("internal error", "internal server error")),
)

# What is the request's own fault, whoever refuses it.
REQUEST_FAULTS = frozenset(
    {
        FailureReason.MODERATION,
        FailureReason.MODERATION_PROMPT,
        FailureReason.MODERATION_IMAGE,
        FailureReason.MODERATION_RESULT,
        FailureReason.PERSON,
        FailureReason.LANGUAGE,
        FailureReason.IMAGE,
        FailureReason.IMAGE_UNREACHED,
    }
)


def reason_in(text: str) -> FailureReason | None:
    """Why something failed, as far as the text alone says so; None when it says nothing that we know."""
    # Google's codes come as they are ("PUBLIC_ERROR_MINOR_UPLOAD") and as words.
    lowered = text.lower().replace("_", " ")
    for option in _OPTIONS:
        lowered = lowered.replace(option, "")
    if _has(lowered, ("insufficient",)) and _has(lowered, ("credit", "balance")):
        return FailureReason.BALANCE
    if _has(lowered, ("minor upload", "prominent people")):
        return FailureReason.PERSON
    if _has(lowered, _MODERATION):
        # Before the others: a filter talks about images, too.
        return _moderation(lowered)
    return next((reason for reason, needles in _REASONS if _has(lowered, needles)), None)


def _moderation(lowered: str) -> FailureReason:
    named = [reason for reason, needles in _NAMED if _has(lowered, needles)]
    is_either = FailureReason.MODERATION_RESULT in named and "input" in lowered
    return named[0] if len(named) == 1 and not is_either else FailureReason.MODERATION


def _has(lowered: str, needles: tuple[str, ...]) -> bool:
    return any(needle in lowered for needle in needles)
