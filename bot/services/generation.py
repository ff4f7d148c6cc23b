"""Accepts requests for videos: checks them, takes the credits and writes the job, all or nothing."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from bot.domain.admission import NOBODY_SPECIAL, Asked, Requester, refusal
from bot.domain.credits import split
from bot.domain.follow_ups import Finished
from bot.domain.ids import DraftId, GuildId, JobId, ProviderId, UserId
from bot.domain.jobs import Job, JobState, Move, Place, finished_of
from bot.domain.models import Mode, VideoModel
from bot.domain.policies import GuildPolicy
from bot.domain.problems import Problem
from bot.domain.videos import VideoRequest, VideoSpec, request_of, resolve
from bot.errors import StoreError, StoreTrouble, UserError
from bot.errors.intake import AccountEmptyError, IntakeClosedError, NotNowError, StorageTroubleError
from bot.errors.jobs import NotFoundError
from bot.errors.pictures import SourceGoneError
from bot.errors.policies import refused
from bot.errors.requests import (
    InvalidRequestError,
    JustAskedError,
    ModelUnavailableError,
    PriceChangedError,
    StaleControlError,
    UnconfirmedError,
)
from bot.ports import Clock
from bot.services import assistance, foresight, host_limits, lifecycle, waiting
from bot.services.availability import Availability, ProviderGate
from bot.services.grants import collect
from bot.services.host_limits import Budget
from bot.services.hosting import Hosting
from bot.services.keys import CallbackTokens
from bot.services.lifecycle import Lifecycle
from bot.services.screening import Screening, check_block
from bot.services.storage import StorageGuard
from bot.store import balances, claims, drafts, jobs, ledger, policies, statistics
from bot.store.database import Connection, Database
from bot.store.drafts import Draft
from bot.store.jobs import NewJob

# After these nobody can say whether the job was stored: the disk or the server went away while it was being written.
UNSURE = frozenset({StoreTrouble.UNSURE, StoreTrouble.SERVER})

# So long a job is kept from the worker while Discord has not said that it takes the answer to its command. Discord
# waits three seconds for one; a process that dies in between leaves a job that the next one starts with soon enough.
ANSWER_WAIT = timedelta(seconds=5)

# Two clicks on the same button within this time are one wish.
DOUBLE_CLICK = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A job that was written. `is_new` is False when the same interaction had brought it before."""

    job: Job
    spendable: int | None  # None: no limit
    ahead: int | None  # how many jobs wait before it; None when it waits no longer
    is_new: bool = True
    replaced: Job | None = None  # the waiting job that this one stands in for


class ReplayedError(Exception):
    """The same interaction was accepted in another transaction at the same moment."""


class Generation:
    """The way in for videos."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        availability: Availability,
        gate: ProviderGate,
        lifecycle: Lifecycle,
        budget: Budget,
        markup: Decimal,
        storage: StorageGuard | None = None,
        tokens: CallbackTokens | None = None,
        hosting: Hosting | None = None,
        screening: Screening | None = None,
        sources_kept: Mapping[ProviderId, timedelta] | None = None,
    ) -> None:
        """*sources_kept*: how long each provider's tasks can be gone on with, where that is known."""
        self._database = database
        self._clock = clock
        self._availability = availability
        self._gate = gate
        self._lifecycle = lifecycle
        self._budget = budget
        self._markup = markup
        self._storage = storage  # None where nobody watches the disk
        self._hosting = hosting  # None where the transaction's own look is enough
        self._tokens = tokens or CallbackTokens(secrets.token_bytes(32))
        self._screening = screening or Screening(database, clock)
        self._sources_kept = sources_kept or {}
        self.is_open = True  # False while the process shuts down

    def choose(self, typed: str | None, mode: Mode) -> VideoModel:
        """The model to use: the named one, or the default. Raises UserError."""
        if typed is not None and typed.strip():
            return self._availability.get(typed.strip(), mode)
        model = self._availability.default(mode)
        if model is None:
            raise NotNowError
        return model

    def check(self, request: VideoRequest) -> VideoSpec:
        """The request, complete and priced. Raises UserError; reads nothing but memory and costs nothing."""
        self._check_open()
        model = self._availability.get(request.model, request.mode)
        video = resolve(request, model, self._markup)
        if isinstance(video, Problem):
            raise InvalidRequestError(video)
        pause = self._gate.find(model.provider)
        if pause is not None:
            raise AccountEmptyError if pause.is_empty else NotNowError
        return video

    async def request(
        self,
        user_id: UserId,
        place: Place,
        video: VideoSpec,
        *,
        requester: Requester = NOBODY_SPECIAL,
        again_of: JobId | None = None,
        draft_id: DraftId | None = None,
        seen_price: int | None = None,
        instead_of: JobId | None = None,
        rewrite: int | None = None,
        is_answered: bool = True,
    ) -> Accepted:
        """Take the credits and write the job, in one transaction. Raises UserError, having charged nothing.

        The same interaction brings the same job, however often it arrives. With *instead_of* a waiting job of the same
        member ends in the same transaction, with its credits back: there is one of the two, never both or none. An
        offer of the assistant, *rewrite*, is used up in it. Where the member is not *is_answered* yet, nobody works on
        the job before `Answers.given`, or before that has taken too long.
        """
        self._check_open()
        model = self._availability.catalogue.find(video.model)
        if model is None:
            raise ModelUnavailableError(model=video.model, successor="/models")
        new = NewJob(
            user_id=user_id,
            place=place,
            video=video,
            provider=model.provider,
            callback_secret=self._tokens.mint(),
            again_of=again_of,
            draft_id=draft_id,
            rewrite=rewrite,
            seen_price=seen_price,
            held_for=timedelta(0) if is_answered else ANSWER_WAIT,
        )
        try:
            await self._screen(user_id, place, video)
            try:
                accepted = await self._accept(new, requester, instead_of)
            except ReplayedError:
                accepted = await self._accept(new, requester, instead_of)
        except UserError as refusal:
            await self._screening.note(place.guild_id, user_id, refusal, video.prompt)
            raise
        if accepted.replaced is not None:
            self._lifecycle.announce(accepted.replaced)
        if accepted.is_new:
            self._lifecycle.announce(accepted.job)
        return accepted

    async def screen(self, user_id: UserId, place: Place, video: VideoSpec) -> None:
        """Refuse early what the server's moderators do not let through. Raises UserError."""
        try:
            await self._screen(user_id, place, video)
            await self._database.read(check_block, place.guild_id, user_id, self._clock.now())
        except UserError as refusal:
            await self._screening.note(place.guild_id, user_id, refusal, video.prompt)
            raise

    async def foresee(self, user_id: UserId, place: Place, video: VideoSpec, requester: Requester) -> None:
        """Refuse before anything is fetched what would be refused afterwards. Raises UserError; nothing is written."""
        try:
            await self._database.read(foresight.check, user_id, place, video, requester, self._clock.now())
        except StoreError as error:
            raise StorageTroubleError from error
        except UserError as refusal:
            await self._screening.note(place.guild_id, user_id, refusal, video.prompt)
            raise

    async def asks_first(self, guild_id: GuildId, price: int) -> bool:
        """Whether the guild wants a member to see this price before it is charged."""
        policy = await self._database.read(policies.load, guild_id)
        return _is_asked_first(policy, price)

    async def keep(self, user_id: UserId, place: Place, video: VideoSpec, *, again_of: JobId | None = None) -> Draft:
        """Remember what was asked for until its member has seen the price. Raises UserError; nothing is charged."""
        self._check_open()
        try:
            return await self._database.write(
                drafts.keep, place.guild_id, user_id, place.interaction_id, video, again_of, self._clock.now()
            )
        except StoreError as error:
            raise StorageTroubleError from error

    async def draft(self, guild_id: GuildId, user_id: UserId, draft_id: DraftId) -> Draft:
        """What the member was asked about. Raises StaleControlError, and JustAskedError when it was made already."""
        found = await self._database.read(drafts.find, guild_id, user_id, draft_id)
        if found is None:
            raise StaleControlError
        if found.job_id is not None:
            raise JustAskedError(job=found.job_id)
        return found

    async def drop(self, guild_id: GuildId, user_id: UserId, draft_id: DraftId) -> None:
        """The member does not want it after all. Raises StaleControlError."""
        if not await self._database.write(drafts.drop, guild_id, user_id, draft_id):
            raise StaleControlError

    def _check_open(self) -> None:
        if not self.is_open:
            raise IntakeClosedError
        if self._storage is not None:
            self._storage.check_intake()
        if self._hosting is not None:
            self._hosting.check_open()

    async def _screen(self, user_id: UserId, place: Place, video: VideoSpec) -> None:
        try:
            await self._screening.check(user_id, place, video)
        except StoreError as error:
            raise StorageTroubleError from error

    async def _accept(self, new: NewJob, requester: Requester, instead_of: JobId | None) -> Accepted:
        take_back = None if instead_of is None else partial(self._take_back, new, instead_of)
        try:
            return await self._database.write(
                accept, new, requester, self._budget, self._clock.now(), take_back, self._sources_kept
            )
        except StoreError as error:
            if error.trouble in UNSURE:
                raise
            # The transaction did nothing, so the promise that nothing was charged is true.
            raise StorageTroubleError from error

    def _take_back(self, new: NewJob, job_id: JobId, connection: Connection) -> Job:
        """End the waiting job that *new* stands in for. Raises UserError when there is nothing to stand in for."""
        job = waiting.get_own(connection, new.place.guild_id, new.user_id, job_id)
        # The second of two clicks finds it ended.
        taken = waiting.take_over(connection, job)
        if new.video.price > job.video.price:
            raise StaleControlError
        move = Move(to=JobState.CANCELLED, after=None, detail=f"made with {new.video.model} instead")
        return lifecycle.apply(connection, taken, move, self._clock.now(), self._lifecycle.policy)

    async def repeat(self, guild_id: GuildId, job_id: JobId) -> VideoRequest:
        """The request behind an earlier job of this guild, to be made again.

        Raises NotFoundError, and SourceGoneError when the provider no longer keeps what that job went on with.
        """

        def find(connection: Connection) -> Job | None:
            job = jobs.find_in_guild(connection, guild_id, job_id)
            if job is not None:
                check_source(connection, job.video, self._sources_kept, self._clock.now())
            return job

        job = await self._database.read(find)
        if job is None:
            raise NotFoundError(job=job_id)
        return request_of(job.video)

    def finished(self, job: Job) -> Finished:
        """What a follow-up needs to know of the job, as things stand now."""
        return replace(finished_of(job), is_kept=is_kept(job, self._sources_kept, self._clock.now()))


def accept(
    connection: Connection,
    new: NewJob,
    requester: Requester,
    budget: Budget,
    now: datetime,
    take_back: Callable[[Connection], Job] | None = None,
    sources_kept: Mapping[ProviderId, timedelta] | None = None,
) -> Accepted:
    """The transaction behind `Generation.request`; *take_back* ends the job that the new one stands in for."""
    place, price = new.place, new.video.price
    earlier = earlier_of(connection, new.user_id, place, requester, now)
    if earlier is not None:
        return earlier
    check_source(connection, new.video, sources_kept or {}, now)
    terms = host_limits.admit(connection, place.guild_id)
    # From here on the guild's requests come one after the other: the second click finds the first, and no limit is
    # passed by two who looked at the same moment.
    policy = policies.load(connection, place.guild_id, lock=True)
    check_block(connection, place.guild_id, new.user_id, now)
    if new.again_of is not None:
        twin = jobs.find_twin(connection, new.user_id, new.again_of, new.video, now - DOUBLE_CLICK)
        if twin is not None:
            raise JustAskedError(job=twin)
    if new.draft_id is not None:
        _check_draft(connection, new, new.draft_id)
    elif _is_asked_first(policy, price) and (new.seen_price is None or price > new.seen_price):
        raise UnconfirmedError(price=price)
    if new.rewrite is not None:
        assistance.take(connection, new.rewrite, new.user_id, now)
    replaced = None if take_back is None else take_back(connection)
    policy = balances.refill(connection, policy, now)
    collect(connection, policy, new.user_id, requester, now)
    payment, spendable = _payment(connection, policy, requester, new, now, replaced)
    new = replace(new, role_ids=policy.that_matter(requester.role_ids))
    if policy.language is not None:
        new = replace(new, place=replace(place, guild_locale=policy.language))
    job = jobs.insert(connection, new, payment, now)
    if job is None:
        # PostgreSQL only: the same interaction came in beside us. Nothing of ours may stay.
        raise ReplayedError
    statistics.asked(connection, job)
    if new.draft_id is not None:
        drafts.made(connection, new.draft_id, job.id)
    ledger.charge(connection, job.id, place.guild_id, new.user_id, payment, now)
    host_limits.count(connection, terms, budget, place.guild_id, new.video.model, price, now)
    left = None if spendable is None else spendable - price
    # Asked here and not afterwards: by then the member has paid, and no trouble with a number may say otherwise.
    ahead = claims.queued_before(connection, job.id, job.provider)
    return Accepted(job=job, spendable=left, ahead=ahead, replaced=replaced)


def earlier_of(
    connection: Connection, user_id: UserId, place: Place, requester: Requester, now: datetime
) -> Accepted | None:
    """What an earlier delivery of the same interaction has brought."""
    job = jobs.find_by_interaction(connection, place.interaction_id)
    if job is None:
        return None
    seen = balances.find(connection, place.guild_id, user_id, now, role_ids=requester.role_ids)
    ahead = claims.queued_before(connection, job.id, job.provider) if job.state is JobState.QUEUED else None
    return Accepted(job=job, spendable=seen.spendable, ahead=ahead, is_new=False)


def is_kept(job: Job, sources_kept: Mapping[ProviderId, timedelta], now: datetime) -> bool:
    """Whether the provider may still have what the job's task made, as far as it says how long it keeps that."""
    kept = sources_kept.get(job.provider)
    return kept is None or now < (job.submitted_at or job.created_at) + kept


def check_source(
    connection: Connection, video: VideoSpec, sources_kept: Mapping[ProviderId, timedelta], now: datetime
) -> None:
    """Look whether the task that the video goes on with is too old for that. Raises SourceGoneError."""
    source = video.source
    if source is None or source.task_id is None:
        return
    earlier = jobs.find(connection, source.job)
    if earlier is not None and not is_kept(earlier, sources_kept, now):
        raise SourceGoneError


def _is_asked_first(policy: GuildPolicy, price: int) -> bool:
    return policy.confirm_above is not None and price > policy.confirm_above


def _check_draft(connection: Connection, new: NewJob, draft_id: DraftId) -> None:
    """The member has seen this price for this video, and no job has come of it yet. Raises UserError."""
    draft = drafts.find(connection, new.place.guild_id, new.user_id, draft_id, lock=True)
    if draft is None:
        raise StaleControlError
    if draft.job_id is not None:
        raise JustAskedError(job=draft.job_id)
    if new.video.price > draft.video.price:
        raise PriceChangedError(price=new.video.price)


def _payment(
    connection: Connection,
    policy: GuildPolicy,
    requester: Requester,
    new: NewJob,
    now: datetime,
    replaced: Job | None,
) -> tuple[ledger.Payment, int | None]:
    """Which buckets pay, and what could be spent before. Raises PolicyRefusedError when a rule of the guild refuses."""
    asked = Asked(channel_id=new.place.channel_id, model=new.video.model, price=new.video.price)
    balance = balances.find(
        connection, policy.guild_id, new.user_id, now, role_ids=requester.role_ids, policy=policy, lock=True
    )
    so_far = balances.so_far(connection, policy, new.user_id, balance)
    if replaced is not None:
        # It is the wish that the member has waited for already, and no further one.
        so_far = replace(so_far, last_at=None)
    why_not = refusal(policy, requester, asked, so_far, now)
    if why_not is not None:
        raise refused(why_not)
    parts = split(asked.price, balance)
    if parts is None:
        raise AssertionError("the policy let a price pass that the balance cannot pay")
    payment = ledger.Payment(
        allowance=parts.allowance, bonus=parts.bonus, is_pool_limited=balance.pool is not None, paid_at=now
    )
    return payment, balance.spendable
