"""What a member wants of a job cannot be done with it."""

from __future__ import annotations

from bot.errors.trunk import UserError
from bot.i18n import N_


class NotFoundError(UserError):
    text = N_("You have no job {job} in this server. `/jobs list` shows yours.")


class NotYoursError(UserError):
    text = N_("Only the person who asked for this video can do this.")


class TooLateError(UserError):
    text = N_("Job {job} is already being made and cannot be stopped any more.")


class AlreadyEndedError(UserError):
    text = N_("Job {job} has already ended.")


class OfferOverError(UserError):
    text = N_("This offer is over, and nothing was changed: job {job} waits for its own model.")


class NotWaitingError(UserError):
    text = N_("The video of job {job} is not waiting to be claimed. `/jobs show` tells where it is.")


class NotKeptError(UserError):
    text = N_("The video of job {job} was kept for some time and is gone now.")


class StoppedError(UserError):
    text = N_("Videos are stopped in the server of this job. In direct messages with me you can have it now.")


class AlreadyReportedError(UserError):
    text = N_("You have reported job {job} already.")
