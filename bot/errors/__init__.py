"""Everything that can be refused or go wrong, as a tree of exceptions, and the module of each.

CutsceneError                  trunk.py
  UserError                    shown to the person, translated; not logged as an error

    requests.py                what was asked for cannot be made, or not here
      InvalidRequestError          the request breaks a rule of the model
      UnknownModelError            no such model
      ModelUnavailableError        switched off, with what to take instead
        ModelRetiredError            for good, by its maker
      AdultsOnlyError              an option that needs a channel with an age limit
      NothingToDoError             no model does that with a finished video
      UnconfirmedError  PriceChangedError   the member has not agreed to this price
      JustAskedError               the same button, twice in a moment
      MissingPermissionsError      the bot may not post here
      StaleControlError  StaleFormError   nothing listens to the button or form any more
      BusyError                    what a form would begin with cannot be read in time
    pictures.py                a picture or a video that something should be made from
      BadImageError                the attachment is not a picture that we can use
        EmptyImageError  ImageTooManyBytesError  ImageBombError  AnimatedImageError  ImageUnreachableError
        PictureGoneError             it was kept long enough
      SourceGoneError              the provider no longer keeps the video that was to be gone on with
      VideoGoneError               the file of a finished video cannot be had any more
    policies.py                a rule of the guild's staff
      PolicyRefusedError
        InsufficientCreditsError     allowance and bonus together are not enough
        PoolEmptyError               the guild's pool is not enough
    intake.py                  no new videos at the moment, whoever asks
      BudgetReachedError           the host's budget is used up
      CeilingReachedError          the host's budget for this guild is used up
      NotNowError                  the provider takes no jobs
        AccountEmptyError            the host's account there is used up
      IntakeClosedError            the bot is about to restart
      IntakePausedError            the host has paused it
        IntakePausedWithMessageError
      StorageTroubleError          the bot's disk or database is in trouble
    screening.py               the words of a prompt, or the member who wrote them
      ForbiddenWordsError          the guild's list forbids what the prompt says
      ModerationError              the host's moderation endpoint objects to the prompt
      ModerationUnavailableError   it cannot be asked, and the host wants no prompt unchecked
      TooManyRefusalsError         prompts of this member were refused again and again
      BlockedError                 the guild's moderators let this member make no videos
        BlockedForGoodError
      DepartedError                the member was forgotten, and the allowance that they had used has not renewed
    assistance.py              the prompt assistant
      NoAssistantError             the host has set none up
      AssistNotHereError           the guild does not use it
      RewriteGoneError             the rewritten prompt is too old
        RewriteUsedError             its member has decided about it
    jobs.py                    what a member wants of a job
      NotFoundError                there is no such job for this person
      NotYoursError                it is somebody else's
      TooLateError  AlreadyEndedError   it is past the point
      OfferOverError               another model can no longer make it in place of its own
      NotWaitingError              the video is not there to be claimed
      NotKeptError                 the video was kept long enough and is gone
      StoppedError                 the guild keeps videos back
      AlreadyReportedError         the same report, twice
    credits.py                 gifts and grants
      NoGiftsError  SelfGiftError  BotGiftError  GiftTooLargeError  GiftsPerPeriodError  TooLittleBonusError
      NoTargetError  AlreadyGivenError  NothingToRevokeError  PoolTooSmallError
    staff.py                   what a guild's staff wants
      NotAllowedError              the person is not staff
      BadNumberError  BadZoneError  BadSpanError   what they typed is none
      NotBlockedError              there is no block to lift
      AlreadyStoppedError  NotStoppedError   about the guild's switch
      NotInGuildError  NotEndedError  NothingPaidError  AlreadyRefundedError  NotPostedError   about a job
      WithheldError                the guild itself keeps the video back
    words.py                   the guild's list of forbidden words
      BadWordError  BadPatternError  TooManyWordsError  UnknownWordError
    privacy.py                 a member's own data
      JobsRunningError             jobs on their way keep a member from being forgotten
      ExportTooLargeError          Discord takes no file of that size
    host.py                    what only the host decides
      NotServedError               the bot is not open for this server
      NotHostError                 the bot is not theirs
      BadAmountError               what the host typed is no amount of money
      BadServerError               what the host typed names no server

  ProviderError                providers.py: handled in steps, never shown raw
    ProviderUnavailableError     come back later; nothing was created
    ProviderRejectedError        final: fail the job, refund, say why
      DeadLinkError                the address of a result leads nowhere any more; the file may still be there
    ProviderAuthError            our key or our balance: pause the provider, tell the host
    ProviderProtocolError        an answer that we do not understand: retry a little, then fail
    AnswerLostError              a create call left and its answer never came: a task may exist
  DeliveryError                delivery.py: handled in the deliver step
    TooLargeError  CannotFitError  DeliveryUnavailableError  HistoryClosedError
    PlaceGoneError               for good
      AccessMissingError         for good, or for a moment
  ConfigurationError           process.py: one line per problem, exit code 78
  UnreachableError             Discord cannot be reached, exit code 69
  StoreError                   the database cannot be used, exit code 74
  StaleJobError                somebody else moved the job; the step ends

What code branches on everywhere is imported from here; a refusal, which only its subject raises, from its module. Why a
job failed is no error but a `FailureReason`; what its member is told is in failures.py.
"""

from bot.errors.delivery import (
    AccessMissingError,
    CannotFitError,
    DeliveryError,
    DeliveryUnavailableError,
    HistoryClosedError,
    PlaceGoneError,
    TooLargeError,
)
from bot.errors.process import ConfigurationError, StaleJobError, StoreError, StoreTrouble, UnreachableError
from bot.errors.providers import (
    AccountFault,
    AnswerLostError,
    DeadLinkError,
    ProviderAuthError,
    ProviderError,
    ProviderProtocolError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from bot.errors.trunk import CutsceneError, UserError

__all__ = [
    "AccessMissingError",
    "AccountFault",
    "AnswerLostError",
    "CannotFitError",
    "ConfigurationError",
    "CutsceneError",
    "DeadLinkError",
    "DeliveryError",
    "DeliveryUnavailableError",
    "HistoryClosedError",
    "PlaceGoneError",
    "ProviderAuthError",
    "ProviderError",
    "ProviderProtocolError",
    "ProviderRejectedError",
    "ProviderUnavailableError",
    "StaleJobError",
    "StoreError",
    "StoreTrouble",
    "TooLargeError",
    "UnreachableError",
    "UserError",
]
