"""Everything that can be refused or go wrong, as a tree of exceptions.

CutsceneError
  UserError                    shown to the person, translated; not logged as an error
    InvalidRequestError          the request breaks a rule of the model
    UnknownModelError            no such model
    ModelUnavailableError        retired or switched off, with what to take instead
    BadImageError                the attachment is not a picture that we can use
    PolicyRefusedError           a rule of the guild's staff refuses
      InsufficientCreditsError     allowance and bonus together are not enough
      PoolEmptyError               the guild's pool is not enough
    BudgetReachedError           the host's budget is used up
    CeilingReachedError          the host's budget for this guild is used up
    NotNowError                  the provider takes no jobs at the moment
    AccountEmptyError            the host's account at the provider is used up
    IntakeClosedError            this bot takes no jobs at the moment
    IntakePausedError            the host lets it take no jobs at the moment
    StorageTroubleError          the bot's disk or database takes no jobs at the moment
    NotAllowedError              the person may not do this
    NotHostError                 the bot is not theirs
    BadAmountError               what the host typed is no amount of money
    BadServerError               what the host typed names no server
    MissingPermissionsError      the bot may not post here
    NotFoundError                there is no such thing for this person
    TooLateError                 the job is past the point
    NotWaitingError              the video is not there to be claimed
    NotKeptError                 the video was kept long enough and is gone
    NoAssistantError             the host has set no prompt assistant up
    AssistNotHereError           the guild does not use it
    RewriteGoneError             the rewritten prompt was used or is too old
    JustAskedError               the same button, twice in a moment
    BlockedError                 the guild's moderators let this member make no videos
    DepartedError                the member was forgotten, and the allowance that they had used has not renewed
    JobsRunningError             jobs on their way keep a member from being forgotten
    ExportTooLargeError          Discord takes no file of that size
    ForbiddenWordsError          the guild's list forbids what the prompt says
    ModerationError              the host's moderation endpoint objects to the prompt
    ModerationUnavailableError   it cannot be asked, and the host wants no prompt unchecked
    NotBlockedError              there is no block to lift
    AlreadyStoppedError  NotStoppedError   about the guild's switch
    NotInGuildError              staff names a job that their guild does not have
    NotEndedError  NothingPaidError  AlreadyRefundedError  NotPostedError   about what staff does with a job
    StoppedError  WithheldError  the guild keeps videos back
    AlreadyReportedError         the same report, twice
    BadSpanError                 nobody can tell how long it should last
    TooManyRefusalsError         prompts of this member were refused again and again
    BadWordError  BadPatternError  TooManyWordsError  UnknownWordError   about that list
  ProviderError                handled in steps, never shown raw
    ProviderUnavailableError     come back later; nothing was created
    ProviderRejectedError        final: fail the job, refund, say why
    ProviderAuthError            our key or our balance: pause the provider, tell the host
    ProviderProtocolError        an answer that we do not understand: retry a little, then fail
    AnswerLostError              a create call left and its answer never came: a task may exist
  DeliveryError                handled in the deliver step
    TooLargeError  CannotFitError  PlaceGoneError  DeliveryUnavailableError  HistoryClosedError
  ConfigurationError           one line per problem, exit code 78
  UnreachableError             Discord cannot be reached, exit code 69
  StoreError                   the database cannot be used, exit code 74
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar

from bot.domain.ids import JobId
from bot.domain.jobs import FailureReason
from bot.domain.policies import PolicyRule, Refusal
from bot.domain.problems import Problem, Rule
from bot.i18n import N_, Texts


class CutsceneError(Exception):
    """Whatever we raise on purpose."""


class UserError(CutsceneError):
    """Refused, with a text for the person. The values fill the names in `text`."""

    text: ClassVar[str]

    def __init__(self, **values: object) -> None:
        super().__init__(f"{type(self).__name__}: {values}")
        self.values: Mapping[str, object] = values

    def message(self, texts: Texts) -> str:
        return texts(self.text, **self.values)


RULE_TEXTS: Mapping[Rule, str] = {
    Rule.PROMPT_OR_IMAGE: N_("**prompt**: write what the video should show, or attach an **image**."),
    Rule.PROMPT_REQUIRED: N_("**prompt**: this model needs words beside the picture. Say what should happen in it."),
    Rule.PROMPT_TOO_SHORT: N_("**prompt**: {given} characters are too few; this model needs at least {limit}."),
    Rule.PROMPT_TOO_LONG: N_("**prompt**: {given} characters are too many; this model takes at most {limit}."),
    Rule.TOO_MANY_SHOTS: N_(
        "**prompt**: each line is a shot, and {given} are too many; this video can have at most {limit}."
    ),
    Rule.MODE_TEXT_MISSING: N_("**image**: {model} only animates pictures. Attach one, or choose another model."),
    Rule.MODE_IMAGE_MISSING: N_(
        "**image**: {model} does not start from a picture. Leave it out, or choose another model."
    ),
    Rule.MODE_REFERENCE_MISSING: N_(
        "**{field}**: {model} takes no reference pictures. Leave them out, or choose another model."
    ),
    Rule.MODE_FOLLOW_UP: N_(
        "**model**: {model} only works on finished videos. Use the button under one, or choose another model."
    ),
    Rule.FOLLOW_UP_MISSING: N_("**model**: {model} cannot do that with a finished video."),
    Rule.OPTION_MISSING: N_("**{field}**: this model does not have this option. Leave it out."),
    Rule.OPTION_VALUE: N_("**{field}**: `{given}` is not possible. This model offers {offered}; nearest: `{nearest}`."),
    Rule.OPTION_COMBINATION: N_("**{field}**: `{given}` does not go with the other options; try `{nearest}`."),
    Rule.OPTION_RANGE: N_("**{field}**: `{given}` is not possible. This model takes {lowest} to {highest}."),
    Rule.OPTION_LENGTH: N_("**{field}**: {given} characters are too many; this model takes at most {limit}."),
    Rule.LAST_FRAME_ALONE: N_("**last_frame**: {model} needs the first one too. Attach it as **image**."),
    Rule.LAST_FRAME_REQUIRED: N_("**last_frame**: {model} goes from one picture to another. Attach the last one too."),
    Rule.FRAMES_OR_REFERENCES: N_("**{field}**: {model} takes either frames or references. Leave one of them out."),
    Rule.TOO_MANY_REFERENCES: N_("**{field}**: {given} references are too many; this model takes at most {limit}."),
    Rule.SOURCE_LENGTH: N_("The video lasts {given} s; this model takes at most {limit} s."),
    Rule.SOURCE_BYTES: N_("The video has {given} MB; this model takes at most {limit} MB."),
    Rule.IMAGE_FORMAT: N_("**{field}**: this model does not take {given}; it takes {offered}."),
    Rule.IMAGE_BYTES: N_("**{field}**: {given} MB is too large; this model takes at most {limit} MB."),
    Rule.IMAGE_TOO_SMALL: N_("**{field}**: {given} pixels are too few; each side needs at least {limit}."),
    Rule.IMAGE_TOO_LARGE: N_("**{field}**: {given} pixels are too many; each side may have at most {limit}."),
    Rule.IMAGE_RATIO: N_(
        "**{field}**: {given} is too long and narrow; width divided by height must be between {lowest} and {highest}."
    ),
}

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
# For a job that had no picture.
MODERATION_WITHOUT_PICTURE = N_(
    "The model's safety filter refused it, and does not say whether because of the prompt or the finished video. "
    "Choose other words."
)


POLICY_TEXTS: Mapping[PolicyRule, str] = {
    PolicyRule.CLOSED: N_("The moderators of this server have switched the bot off for now."),
    PolicyRule.CLOSED_REASON: N_("The moderators of this server have switched the bot off for now: {reason}"),
    PolicyRule.CHANNEL: N_("In this server videos can only be asked for in {channels}."),
    PolicyRule.ROLE: N_("In this server only members with one of these roles can ask for videos: {roles}."),
    PolicyRule.RESTRICTED_ONLY: N_("In this server videos can only be asked for in age-restricted channels."),
    PolicyRule.MODEL: N_("**model**: this server does not allow `{model}`. It allows {models}."),
    PolicyRule.RESTRICTED_MODEL: N_("**model**: `{model}` can only be used in age-restricted channels here."),
    PolicyRule.PRICE: N_("This video costs {needed} credits; in this server one may cost at most {limit}."),
    PolicyRule.MEMBER_JOBS: N_(
        "{running} of your videos are on their way, and this server allows {limit} per member. Ask again when one is "
        "done."
    ),
    PolicyRule.GUILD_JOBS: N_(
        "{running} videos of this server are on their way, and it allows {limit}. Ask again when one is done."
    ),
    PolicyRule.COOLDOWN: N_("This server allows one video per member every {seconds} seconds. Your next: {renews}."),
    PolicyRule.ALLOWANCE: N_(
        "This video costs {needed} credits; you have {balance}: {left} of your allowance of {allowance}, and {bonus} "
        "bonus. Your allowance renews {renews}."
    ),
    PolicyRule.ALLOWANCE_TOO_SMALL: N_(
        "This video costs {needed} credits; you have {balance}. Your whole allowance of {allowance} would not be "
        "enough either. It renews {renews}."
    ),
    PolicyRule.POOL: N_(
        "This video costs {needed} credits; this server's pool has {balance} left. Ask its moderators."
    ),
    PolicyRule.POOL_REFILLED: N_(
        "This video costs {needed} credits; this server's pool has {balance} left. It is refilled {renews}."
    ),
}


class PolicyRefusedError(UserError):
    """A rule of the guild refuses, with its numbers and the moment from which asking again helps."""

    text = ""  # One text per rule.

    def __init__(self, refusal: Refusal) -> None:
        # Discord shows the moment in the reader's own time.
        renews = {} if refusal.renews_at is None else {"renews": f"<t:{int(refusal.renews_at.timestamp())}:R>"}
        super().__init__(rule=refusal.rule, **refusal.values, **renews)
        self.refusal = refusal

    def message(self, texts: Texts) -> str:
        return texts(POLICY_TEXTS[self.refusal.rule], **self.values)


class InsufficientCreditsError(PolicyRefusedError):
    """The member has too little."""


class PoolEmptyError(PolicyRefusedError):
    """All members together have too little."""


def refused(refusal: Refusal) -> PolicyRefusedError:
    """The error for a refusal."""
    match refusal.rule:
        case PolicyRule.ALLOWANCE | PolicyRule.ALLOWANCE_TOO_SMALL:
            return InsufficientCreditsError(refusal)
        case PolicyRule.POOL | PolicyRule.POOL_REFILLED:
            return PoolEmptyError(refusal)
        case _:
            return PolicyRefusedError(refusal)


class InvalidRequestError(UserError):
    """The request breaks one of the model's rules; nothing was spent."""

    text = ""  # One text per rule.

    def __init__(self, problem: Problem) -> None:
        super().__init__(rule=problem.rule, field=problem.field, **problem.values)
        self.problem = problem

    def message(self, texts: Texts) -> str:
        return texts(RULE_TEXTS[self.problem.rule], field=self.problem.field, **self.problem.values)


class UnknownModelError(UserError):
    text = N_("**model**: there is no model `{given}`. Did you mean `{nearest}`? `/models` lists them all.")


class ModelUnavailableError(UserError):
    text = N_("**model**: {model} is switched off at the moment. Try `{successor}` instead.")


class ModelRetiredError(ModelUnavailableError):
    text = N_("**model**: {model} was switched off by its maker on {since}. Try `{successor}` instead.")


class BadImageError(UserError):
    """The attachment cannot be used, whatever the model. `field` is the option that it was attached to."""

    field = "image"

    text = N_("**{field}**: this file is not a picture that we can read. Use JPEG, PNG or WebP.")

    def message(self, texts: Texts) -> str:
        return texts(self.text, **{"field": self.field, **self.values})


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


class VideoGoneError(UserError):
    text = N_(
        "The file of that video cannot be had any more. Make it again, and then use the button under the new one."
    )


class NothingToDoError(UserError):
    text = N_("No model can do that with this video at the moment.")


class AdultsOnlyError(UserError):
    text = N_("**{field}**: `{given}` is only possible in channels with an age limit.")


class UnconfirmedError(UserError):
    text = N_(
        "This video costs {price} credits. This server wants that to be confirmed first; ask again with `/video`."
    )


class PriceChangedError(UserError):
    text = N_("The price has changed to {price} credits. Nothing was charged; ask again with `/video`.")


class NoGiftsError(UserError):
    text = N_("Members of this server cannot give credits to each other.")


class SelfGiftError(UserError):
    text = N_("You cannot give credits to yourself.")


class BotGiftError(UserError):
    text = N_("Bots have no use for credits.")


class GiftTooLargeError(UserError):
    text = N_("In this server you can give at most {limit} credits at once.")


class GiftsPerPeriodError(UserError):
    text = N_("You have given {given} credits; this server allows {limit} until your allowance renews {renews}.")


class TooLittleBonusError(UserError):
    text = N_("You have {balance} bonus credits; only those can be given away.")


class BadNumberError(UserError):
    text = N_("**{field}**: `{given}` is not a whole number from {lowest} to {highest}. Leave it empty for no limit.")


class BadZoneError(UserError):
    text = N_("`{given}` is not a time zone that I know. Write one like `Europe/Berlin` or `UTC`.")


class NoTargetError(UserError):
    text = N_("Name a **member** or a **role**, and not both. The role @everyone stands for all members.")


class AlreadyGivenError(UserError):
    text = N_("This has been decided before. Nothing more was given.")


class NothingToRevokeError(UserError):
    text = N_("This member has no bonus credits that could be taken back.")


class PoolTooSmallError(UserError):
    text = N_("This server's pool has {balance} credits left; {needed} cannot be granted.")


class BudgetReachedError(UserError):
    text = N_("The host's budget is used up. New videos are possible again {renews}.")


class CeilingReachedError(UserError):
    text = N_("The host's budget for this server is used up. New videos are possible again {renews}.")


class NotNowError(UserError):
    text = N_("The video provider takes no jobs at the moment. The host has been told; try again later.")


class AccountEmptyError(NotNowError):
    text = FAILURE_TEXTS[FailureReason.BALANCE]


class IntakeClosedError(UserError):
    text = N_("The bot is about to restart. Try again in a minute.")


class IntakePausedError(UserError):
    text = N_("The host of this bot accepts no new videos at the moment. Nothing was charged.")


class IntakePausedWithMessageError(IntakePausedError):
    text = N_("The host of this bot accepts no new videos at the moment: {message}")


class StorageTroubleError(UserError):
    text = N_("The bot cannot store new videos safely at the moment. Nothing was charged. Try again in a few minutes.")


class NotServedError(UserError):
    text = N_("The host of this bot has not opened it for this server.")


class NotAllowedError(UserError):
    text = N_("Only people who may manage this server can do this.")


class NotHostError(UserError):
    text = N_("Only the people who run this bot can do this.")


class BadAmountError(UserError):
    text = N_("**{field}**: `{given}` is no amount of US dollars. Write for example 5, 12.50, none or default.")


class BadServerError(UserError):
    text = N_("**server**: choose one of the suggestions, or write the server's number.")


class NotYoursError(UserError):
    text = N_("Only the person who asked for this video can do this.")


class MissingPermissionsError(UserError):
    text = N_("I may not post videos here. Ask a moderator to give me: {permissions}.")


class NotFoundError(UserError):
    text = N_("You have no job {job} in this server. `/jobs list` shows yours.")


class TooLateError(UserError):
    text = N_("Job {job} is already being made and cannot be stopped any more.")


class NotWaitingError(UserError):
    text = N_("The video of job {job} is not waiting to be claimed. `/jobs show` tells where it is.")


class NotKeptError(UserError):
    text = N_("The video of job {job} was kept for some time and is gone now.")


class AlreadyEndedError(UserError):
    text = N_("Job {job} has already ended.")


class JustAskedError(UserError):
    text = N_("You have just asked for exactly this: job {job} is on its way.")


class BlockedError(UserError):
    text = N_("You are blocked from making videos in this server. Reason: {reason}. It ends {until}.")


class BlockedForGoodError(BlockedError):
    text = N_("You are blocked from making videos in this server. Reason: {reason}. Ask its moderators.")


class DepartedError(UserError):
    text = N_(
        "You have had your data deleted after you used your allowance here. New videos are possible again {renews}."
    )


class JobsRunningError(UserError):
    text = N_("Your data cannot be deleted while videos are on their way: {jobs}. Try again {ready}.")


class ExportTooLargeError(UserError):
    text = N_("The file is larger than Discord takes here. Try again in direct messages with me, or ask the host.")


class ForbiddenWordsError(UserError):
    text = N_("This server does not allow what the prompt says. Nothing was charged; write it differently.")


class ModerationError(UserError):
    text = N_("The host's moderation service objects to this prompt ({categories}). Nothing was charged.")


class ModerationUnavailableError(UserError):
    text = N_("Prompts cannot be checked at the moment, so no new videos are accepted. Nothing was charged.")


class BadSpanError(UserError):
    text = N_("**expiry**: `{given}` is no span of time. Write 30m, 12h, 3d, 2w or forever.")


class NotBlockedError(UserError):
    text = N_("<@{member}> is not blocked in this server.")


class AlreadyStoppedError(UserError):
    text = N_("Videos are stopped in this server already.")


class NotStoppedError(UserError):
    text = N_("Videos are not stopped in this server.")


class StoppedError(UserError):
    text = N_("Videos are stopped in the server of this job. In direct messages with me you can have it now.")


class WithheldError(UserError):
    text = N_("Job {job} is kept back: its member is blocked, or videos are stopped here. End that first.")


class AlreadyReportedError(UserError):
    text = N_("You have reported job {job} already.")


class NotInGuildError(UserError):
    text = N_("There is no job {job} in this server.")


class NotEndedError(UserError):
    text = N_("Job {job} is still on its way: when it fails its credits come back by themselves.")


class NothingPaidError(UserError):
    text = N_("Job {job} has cost nothing.")


class AlreadyRefundedError(UserError):
    text = N_("What job {job} has cost was given back already.")


class NotPostedError(UserError):
    text = N_("Job {job} has no video that could be delivered again now.")


class TooManyRefusalsError(UserError):
    text = N_(
        "Your last prompts were refused {count} times within an hour, here or by a model's safety filter. "
        "You can ask for videos again {renews}."
    )


class BadWordError(UserError):
    text = N_("`{given}` has no letter or digit that could be found in a prompt.")


class BadPatternError(UserError):
    text = N_(
        "The pattern `{given}` does not work: {problem}. Look-around and back-references are not possible, because "
        "they could take for ever; everything else of RE2 is."
    )


class TooManyWordsError(UserError):
    text = N_("This server's list has {limit} entries, which is as many as it may have. Remove some first.")


class UnknownWordError(UserError):
    text = N_("`{given}` is not in this server's list.")


class NoAssistantError(UserError):
    text = N_("**assist**: this bot has no prompt assistant. Leave it out.")


class AssistNotHereError(UserError):
    text = N_("**assist**: this server does not use the prompt assistant. Leave it out.")


class RewriteGoneError(UserError):
    text = N_("This offer was used or is too old. Nothing was charged; type /video again.")


class StaleControlError(UserError):
    text = N_("This button is no longer active.")


class ProviderError(CutsceneError):
    """Something about the provider; steps decide what becomes of the job."""


class ProviderUnavailableError(ProviderError):
    """Come back later; provably nothing was created. `retry_after` is the provider's wish, if it had one."""

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ProviderRejectedError(ProviderError):
    """The provider will never do this. `detail` is its own text: for staff, not for members."""

    def __init__(self, reason: FailureReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class AccountFault(StrEnum):
    """What is wrong with the host's account at a provider."""

    KEY = "key"  # missing, wrong, or not allowed from this address
    BALANCE = "balance"  # nothing left to spend
    CAP = "cap"  # the key's own spending limit is reached


class ProviderAuthError(ProviderError):
    """Our key was refused or our balance there is empty: no job of anybody can succeed until the host acts."""

    def __init__(self, message: str, fault: AccountFault = AccountFault.KEY) -> None:
        super().__init__(message)
        self.fault = fault


class ProviderProtocolError(ProviderError):
    """An answer that nobody documented."""


class AnswerLostError(ProviderError):
    """A create call left and its answer did not come, or does not say: a task may exist and be billed."""


class DeliveryError(CutsceneError):
    """The finished video could not be posted as it is."""


class TooLargeError(DeliveryError):
    """The place does not take a file of this size."""


class CannotFitError(DeliveryError):
    """No version of the video is small enough and still worth watching, or the file is not one that we can decode."""


class PlaceGoneError(DeliveryError):
    """The channel is gone, or the bot may not post there any more."""


class DeliveryUnavailableError(DeliveryError):
    """Discord did not take the message just now; whether it is there is not known. Look, then repeat."""


class HistoryClosedError(DeliveryError):
    """The bot may post in this place but not read what is there, so nobody can look whether a message got through."""


class ConfigurationError(CutsceneError):
    """Settings that cannot work; one line per problem."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class StoreTrouble(StrEnum):
    """What keeps a database from being used, as far as it matters what is done about it."""

    FULL = "full"
    READ_ONLY = "read-only"
    LOCKED = "locked"  # another program holds it
    DAMAGED = "damaged"
    UNSURE = "unsure"  # nobody can say whether the last commit is on the disk; only a new start finds out
    SERVER = "server"  # the database is on a server, and that does not answer
    OTHER = "other"


class UnreachableError(CutsceneError):
    """A server that the bot cannot do without does not answer, in a line for the host; starting again may help."""


class StoreError(CutsceneError):
    """The database cannot be used, and why, in a line for the host."""

    def __init__(self, message: str, trouble: StoreTrouble = StoreTrouble.OTHER) -> None:
        super().__init__(message)
        self.trouble = trouble


class StaleJobError(CutsceneError):
    """Somebody else moved the job meanwhile; what this step knew is worth nothing now. Stop silently."""

    def __init__(self, job_id: JobId) -> None:
        super().__init__(f"job {job_id} was moved by somebody else")
