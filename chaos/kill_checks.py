"""What must be true of the file, the provider and the channel after all the kills, whatever happened."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from bot.domain.credits import EntryKind
from bot.domain.jobs import FailureReason, JobState
from bot.store import audit, tables
from bot.store.database import Connection, Database
from sandbox.discord_server import DiscordServer, Message, text_of, videos_of
from sandbox.kie_server import KieServer
from sandbox.person import Handle

VIDEO = re.compile(r"cutscene-(\d+)\.mp4")
ENDED = frozenset({JobState.DELIVERED, JobState.PARKED, JobState.FAILED, JobState.CANCELLED})
# The provider here never fails. What is left are answers that died with their process, and jobs whose step was killed
# so often that it had to be taken for the culprit.
EXCUSED = frozenset({FailureReason.NO_ANSWER, FailureReason.BROKEN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One `/video`; its prompt is found again on the job and on the provider's task."""

    prompt: str
    handle: Handle


@dataclass(frozen=True, slots=True)
class _Row:
    id: int
    interaction_id: int
    prompt: str
    state: JobState
    failure: FailureReason | None
    is_late: bool
    message_id: int | None


async def unbalanced(file: Path) -> list[str]:
    """What the ledger's audit says of the file of a dead process. A copy is opened: the next start shall find it as
    the kill has left it, with its log of writes."""
    with tempfile.TemporaryDirectory(prefix="cutscene-audit-") as folder:
        copy = Path(folder) / file.name
        for ending in ("", "-wal"):
            part = file.with_name(file.name + ending)
            if part.exists():
                shutil.copyfile(part, copy.with_name(copy.name + ending))
        database = Database.connect(f"sqlite+aiosqlite:///{copy}")
        try:
            return await database.read(audit.differences)
        finally:
            await database.close()


async def violations(file: Path, commands: Sequence[Command], discord: DiscordServer, kie: KieServer) -> list[str]:
    """Every broken promise, one line each. The bot must have stopped."""
    database = Database.connect(f"sqlite+aiosqlite:///{file}")
    try:
        wrong = await database.read(audit.differences)
        rows = await database.read(_rows)
        entries = await database.read(_entries)
    finally:
        await database.close()
    videos = Counter(int(number) for message in _posted(discord) for number in _numbers(message))
    tasks = Counter(task.prompt for task in kie.tasks)
    wrong += _strangers(rows, commands, videos, tasks)
    for row in rows:
        wrong += [f"job {row.id} ({row.state}): {line}" for line in _of_job(row, entries, videos, tasks)]
    return wrong


def _of_job(
    row: _Row, entries: Counter[tuple[int, EntryKind]], videos: Counter[int], tasks: Counter[str]
) -> Iterator[str]:
    if row.state not in ENDED:
        yield "has not ended"
        return
    charges, settles, refunds = (
        entries[row.id, kind] for kind in (EntryKind.CHARGE, EntryKind.SETTLE, EntryKind.REFUND)
    )
    if charges != 1 or settles + refunds != 1:
        yield f"{charges} charges, {settles} settles, {refunds} refunds"
    has_result = row.state in (JobState.DELIVERED, JobState.PARKED)
    if has_result and bool(refunds) != row.is_late:
        yield "has its video and its credits back"
    if not has_result and not refunds:
        yield "ended without video and without refund"
    if tasks[row.prompt] > 1 or (has_result and tasks[row.prompt] != 1):
        yield f"{tasks[row.prompt]} tasks at the provider"
    if row.state is JobState.FAILED and row.failure not in EXCUSED:
        yield f"failed for {row.failure}, and nothing had failed"
    if row.state is JobState.DELIVERED and videos[row.id] != 1:
        yield f"{videos[row.id]} videos were posted"
    if row.state is JobState.PARKED and videos[row.id] > 1:
        yield f"{videos[row.id]} videos were posted"
    if not has_result and videos[row.id]:
        yield f"was refunded, and {videos[row.id]} videos were posted"


def _strangers(
    rows: Sequence[_Row], commands: Sequence[Command], videos: Counter[int], tasks: Counter[str]
) -> Iterator[str]:
    """Commands, tasks and videos that have no job, and jobs that nobody asked for."""
    by_interaction = Counter(row.interaction_id for row in rows)
    asked = {command.handle.interaction.id: command for command in commands}
    for row in rows:
        if row.interaction_id not in asked or by_interaction[row.interaction_id] != 1:
            yield f"job {row.id}: {by_interaction[row.interaction_id]} jobs of interaction {row.interaction_id}"
    for id_, command in asked.items():
        # "Thinking ..." promises nothing yet; a card does.
        answer = command.handle.message
        if answer is not None and not answer.is_loading and id_ not in by_interaction:
            yield f"{command.prompt!r} was answered with {text_of(answer)!r}, and there is no job"
    prompts = {row.prompt for row in rows}
    yield from (f"a task for {prompt!r}, which no job asked for" for prompt in tasks if prompt not in prompts)
    numbers = {row.id for row in rows}
    yield from (f"a video of job {number}, which does not exist" for number in videos if number not in numbers)


def _posted(discord: DiscordServer) -> Iterator[Message]:
    for channel in discord.world.channels.values():
        yield from (message for message in channel.messages.values() if message.author is discord.bot)


def _numbers(message: Message) -> Iterator[str]:
    for video in videos_of(message):
        if found := VIDEO.fullmatch(video.filename):
            yield found[1]


def _rows(connection: Connection) -> list[_Row]:
    jobs = tables.jobs.c
    rows = connection.execute(
        sa.select(
            jobs.id, jobs.interaction_id, jobs.prompt, jobs.state, jobs.failure, jobs.is_late, jobs.message_id
        ).order_by(jobs.id)
    )
    return [
        _Row(
            id=row.id,
            interaction_id=row.interaction_id,
            prompt=row.prompt,
            state=JobState(row.state),
            failure=FailureReason(row.failure) if row.failure else None,
            is_late=row.is_late,
            message_id=row.message_id,
        )
        for row in rows
    ]


def _entries(connection: Connection) -> Counter[tuple[int, EntryKind]]:
    entries = tables.entries.c
    rows = connection.execute(sa.select(entries.job_id, entries.kind).where(entries.job_id.is_not(None)))
    return Counter((row.job_id, EntryKind(row.kind)) for row in rows)
