"""What has to hold whatever happened: I1 to I13 of docs/reliability.md, asked of the store and of the outside world."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.jobs import ARROWS, FailureReason, JobState
from bot.store import audit
from bot.store.epochs import FROM_THE_PAST
from chaos.simulation.channel import DIRECT, FakeDiscord, Message
from chaos.simulation.kie import FakeKie
from chaos.simulation.scenarios import MOST_HIDDEN, Ending, Fetch, History, Poll, Post
from chaos.simulation.world import World

TERMINAL = frozenset({JobState.DELIVERED, JobState.PARKED, JobState.FAILED, JobState.CANCELLED})
REFUNDED = frozenset({JobState.FAILED, JobState.CANCELLED})

_NEW_EVENTS = """
    SELECT e.id, e.job_id, e.source, e.target, e.fence, j.fence, e.detail
    FROM job_events e JOIN jobs j ON j.id = e.job_id WHERE e.id > ? ORDER BY e.id
"""
_SUMS = (
    "SELECT coalesce(sum(balance), 0), coalesce(min(CASE kind WHEN 'issued' THEN 0 ELSE balance END), 0) FROM accounts"
)


# In the note under a late video that is not free (`bot/rendering/posts.py`).
CHARGED = "so it is charged now"

_BUSY = """
    SELECT id FROM jobs WHERE due_at < ? OR lease_until IS NOT NULL
    OR state NOT IN ('delivered', 'parked', 'failed', 'cancelled') OR EXISTS (SELECT 1 FROM job_notices)
"""


class Invariants:
    """Looks after each commit, before each effect, and at the end."""

    def __init__(self, world: World, kie: FakeKie, channel: FakeDiscord) -> None:
        self._world = world
        self._kie = kie
        self._channel = channel
        self._last_event = 0
        self._changes = -1
        self._is_quiet = False
        self._states: dict[int, str] = {}
        kie.before_create = self.before_create
        channel.before_post = self.before_post
        world.on_restore = self.restored

    def is_at_rest(self) -> bool:
        """Every job has ended and nothing is due soon. Looks for late videos, or at kept ones, are due in days."""
        world = self._world
        if world.disk.raw.total_changes != self._changes:
            self._changes = world.disk.raw.total_changes
            horizon = world.now() + (timedelta(days=20) if world.scenario.until_late else timedelta(minutes=10))
            self._is_quiet = not world.disk.rows(_BUSY, int(horizon.timestamp() * 1e6))
        return self._is_quiet

    def states(self) -> tuple[str, ...]:
        return tuple(state for (state,) in self._world.disk.rows("SELECT state FROM jobs ORDER BY id"))

    def committed(self) -> None:
        """After each commit: money adds up, jobs follow the arrows, and nobody wrote who had lost the job."""
        world = self._world
        ((total, least),) = world.disk.rows(_SUMS)
        if total != 0 or least < 0:
            world.violated("I1", f"after a commit all accounts sum to {total}, the least holds {least}")
        for event_id, job_id, source, target, fence, fence_now, detail in world.disk.rows(
            _NEW_EVENTS, self._last_event
        ):
            self._last_event = event_id
            if source != self._states.get(job_id):
                world.violated("I11", f"job {job_id} left {source} but was {self._states.get(job_id)}")
            if source is not None and JobState(target) not in ARROWS[JobState(source)]:
                world.violated("I11", f"job {job_id} went from {source} to {target}")
            # A start on a database from the past moves its jobs and takes them from whoever had them, all in one.
            if fence != fence_now and detail != FROM_THE_PAST:
                world.violated("I9", f"job {job_id} went to {target} by fence {fence} while {fence_now} was given out")
            self._states[job_id] = target
            if target == JobState.DELIVERED and not self._posts_of(job_id):
                world.violated("I6", f"job {job_id} is settled and nothing is posted")

    def restored(self) -> None:
        """The store is one from the past: what comes after is measured by what it says."""
        ((self._last_event,),) = self._world.disk.rows("SELECT coalesce(max(id), 0) FROM job_events")
        self._states = dict(self._world.disk.rows("SELECT id, state FROM jobs"))

    def before_create(self, prompt: str) -> None:
        """A create call has arrived: what it stands for is known, and committed as SUBMITTING."""
        rows = self._world.disk.rows("SELECT id, state FROM jobs WHERE prompt = ?", prompt)
        if not rows and prompt not in self._world.lost_prompts:
            self._world.violated("I8", f"a task was asked for {prompt}, which the store does not know")
        for job_id, state in rows:
            # A request that is long under way finds its job where that went meanwhile.
            if state in {JobState.QUEUED, JobState.CANCELLED}:
                self._world.violated("intent", f"the create call of job {job_id} left while it was {state}")

    def before_post(self, nonce: str) -> None:
        """A message has arrived; a result's intent is committed."""
        if not nonce.endswith("-video"):
            return
        job_id = int(nonce.split("-")[1])
        rows = self._world.disk.rows("SELECT posting_at FROM jobs WHERE id = ?", job_id)
        if not rows and job_id not in self._world.lost_jobs:
            self._world.violated("I8", f"a message was posted for job {job_id}, which the store does not know")
        elif rows and rows[0][0] is None:
            self._world.violated("intent", f"the message of job {job_id} left without its intent")

    def at_the_end(self, *, is_over: bool) -> None:
        """Everything has come to rest, or should have."""
        self._check_ends(is_over=is_over)
        self._check_orders()
        self._check_money()
        self._check_late()
        self._check_effects()

    def _check_ends(self, *, is_over: bool) -> None:
        for job_id, state in self._world.disk.rows("SELECT id, state FROM jobs"):
            if state not in TERMINAL:
                self._world.violated("I2", f"job {job_id} is still {state} long after its time")
            ends = self._world.disk.rows(
                """
                SELECT count(*) FROM job_events e JOIN jobs j ON j.id = e.job_id
                WHERE j.id = ? AND (e.target IN ('delivered', 'cancelled') OR e.target = 'failed' AND NOT j.is_late)
                """,
                job_id,
            )
            if ends[0][0] > 1:
                self._world.violated("I2", f"job {job_id} has ended {ends[0][0]} times")
        if not is_over and not self._world.violations:
            self._world.violated("I2", "the run does not come to rest")

    def _check_orders(self) -> None:
        """No acknowledged command without its job, and none with two."""
        for order in self._world.orders:
            rows = self._world.disk.rows("SELECT id FROM jobs WHERE prompt = ?", order.prompt)
            found = {job_id for (job_id,) in rows}
            if not order.accepted <= found | self._world.lost_jobs:
                self._world.violated("I8", f"{order.prompt} was acknowledged and is not in the store")
            if len(found) > 1:
                self._world.violated("I8", f"{order.prompt} has the jobs {sorted(found)}")
            if order.is_cancelled and any(task.prompt == order.prompt for task in self._kie.tasks.values()):
                self._world.violated("I7", f"{order.prompt} was cancelled and sent to the provider")

    def _check_money(self) -> None:
        world = self._world
        for line in world.disk.transaction(audit.differences):
            world.violated("I4" if "settles or refunds" in line else "I1", line)
        used: dict[int, int] = {}
        charged = {job_id for (job_id,) in world.disk.rows("SELECT job_id FROM entries WHERE kind = 'late'")}
        found = world.disk.rows("SELECT id, user_id, state, price, is_late FROM jobs")
        for job_id, user, state, price, is_late in found:
            is_free = state in REFUNDED or (is_late and job_id not in charged)
            used[user] = used.get(user, 0) + (0 if is_free else price)
        counted = dict(world.disk.rows("SELECT user_id, sum(used) FROM usage GROUP BY user_id"))
        for user, amount in used.items():
            # Recomputed from what became of the jobs alone, without the ledger's own words.
            if counted.get(user, 0) != amount:
                world.violated("I1", f"member {user} has used {counted.get(user, 0)}, their jobs say {amount}")
            if amount > max(world.scenario.allowance, *(most for _, most in world.scenario.allowances), 0):
                world.violated("I10", f"member {user} has used {amount} of {world.scenario.allowance}")
        grants = world.disk.rows("SELECT count(*) FROM entries WHERE kind = 'grant'")[0][0]
        if grants:
            world.violated("I1", f"{grants} grants that nobody gave")

    def _check_late(self) -> None:
        """Nobody pays for a late video but who read so, and all that the provider may bill counts once for the host."""
        world, own = self._world, 0
        unnamed = "SELECT job_id FROM job_events WHERE source = 'unknown' AND target = 'failed'"
        given_up = {job_id for (job_id,) in world.disk.rows(unnamed)}
        charged = {job_id for (job_id,) in world.disk.rows("SELECT job_id FROM entries WHERE kind = 'late'")}
        for job_id, prompt, state, price, failure, is_late, orphan in world.disk.rows(
            "SELECT id, prompt, state, price, failure, is_late, coalesce(orphan_cost, 0) FROM jobs"
        ):
            said = {CHARGED in post.content for post in self._posts_of(job_id) if is_late}
            if said and (job_id in charged) not in said:
                world.violated("B10", f"the post of job {job_id} says charged: {said}, and it is {job_id in charged}")
            tasks = [task for task in self._kie.tasks.values() if task.prompt == prompt]
            has_failed = any(task.ending is Ending.FAILURE for task in tasks)
            # Given up without anybody's answer, or put aside before there was one.
            is_lost = state == JobState.FAILED and (failure == FailureReason.NO_ANSWER or job_id in given_up)
            if orphan not in ({price} if is_lost and not has_failed else {0, price} if is_lost else {0}):
                world.violated("B2", f"job {job_id} ({state}, {failure}) counts {orphan} as a possible orphan")
            is_gift = is_late and state in {JobState.DELIVERED, JobState.PARKED} and job_id not in charged
            own += price if is_gift else orphan
        for period, micros in world.disk.rows("SELECT period, micros FROM host_costs"):
            if micros != own * 1_000_000:
                world.violated("B2", f"the host's {period} counts {micros} millionths, jobs say {own}")
        if own and not world.disk.rows("SELECT period FROM host_costs"):
            world.violated("B2", f"the host counts nothing, jobs say {own}")

    def _check_effects(self) -> None:
        """What the provider and Discord have counted, against what the store believes."""
        world = self._world
        for job_id, prompt, state, failure in world.disk.rows("SELECT id, prompt, state, failure FROM jobs"):
            tasks = [task for task in self._kie.tasks.values() if task.prompt == prompt]
            posts = self._posts_of(job_id)
            if len(tasks) > 1 and prompt not in world.lost_prompts:
                world.violated("I5", f"job {job_id} has {len(tasks)} tasks")
            if len(posts) > 1:
                world.violated("I3", f"job {job_id} has {len(posts)} result messages")
            if state in REFUNDED and posts:
                world.violated("I7", f"job {job_id} is {state} and its video is posted")
            if state == JobState.DELIVERED and not posts:
                world.violated("I6", f"job {job_id} is delivered and nothing is posted")
            if state == JobState.PARKED and not self._may_be_parked:
                world.violated("I6", f"job {job_id} is parked though its channel is there")
            self._check_posts(job_id, prompt, posts)
            has_video = any(task.ending is Ending.VIDEO for task in tasks)
            if state == JobState.FAILED and has_video and not self._may_fail(failure, {task.id for task in tasks}):
                world.violated("I2", f"job {job_id} has failed ({failure}) though its task has a video")
            if failure == FailureReason.NO_ANSWER and not any(f"Job {job_id} " in told for told in self._channel.told):
                world.violated("B2", f"the host was not told of the possible orphan of job {job_id}")
        known = {f"{job_id}" for (job_id,) in world.disk.rows("SELECT id FROM jobs")}
        known |= {f"{job_id}" for job_id in world.lost_jobs}
        for message in self._channel.messages:
            if message.nonce.split("-")[1:2] and message.nonce.split("-")[1] not in known:
                world.violated("I8", f"a message with nonce {message.nonce} belongs to no job")

    def _check_posts(self, job_id: int, prompt: str, posts: list[Message]) -> None:
        for post in posts:
            if post.channel > DIRECT and not self._may_be_direct:
                self._world.violated("I6", f"the video of job {job_id} went to its member though its channel is there")
            shown = self._kie.tasks.get(post.shows or "")
            if post.shows is not None and (shown is None or shown.prompt != prompt):
                self._world.violated("I13", f"the message of job {job_id} shows {post.shows}, somebody else's video")

    def _may_fail(self, failure: str | None, tasks: set[str]) -> bool:
        """A rendered video is only given up when its task's name was lost with an answer or a process."""
        if failure == FailureReason.BROKEN:
            return self._may_be_quarantined
        if failure == FailureReason.NO_ANSWER:
            is_named = bool(tasks & self._kie.named)
            return not is_named or self._world.ends > 0
        if failure != FailureReason.NO_RESULT:
            return False
        scenario = self._world.scenario
        return scenario.fetches.count(Fetch.DEAD) > 5 or scenario.polls.count(Poll.HIDDEN) == MOST_HIDDEN

    @property
    def _may_be_parked(self) -> bool:
        """A video is only kept when its place is gone, or when nobody can see whether it was posted."""
        scenario = self._world.scenario
        is_doubtful = self._world.ends > 0 or any(post is not Post.OK for post in scenario.posts)
        is_blind = scenario.history is History.CLOSED and is_doubtful
        # After a crash nobody knows that it was the first try, so the second denial meets the direct messages.
        is_denied_twice = self._world.ends > 0 and scenario.posts.count(Post.NO_ACCESS) > 1
        return Post.GONE in scenario.posts or is_denied_twice or is_blind or self._may_be_quarantined

    @property
    def _may_be_direct(self) -> bool:
        """One denial alone may be an error of Discord's."""
        scenario = self._world.scenario
        denials = scenario.posts.count(Post.NO_ACCESS) + (scenario.history is History.CLOSED)
        return Post.GONE in scenario.posts or denials > 1

    @property
    def _may_be_quarantined(self) -> bool:
        """A job that was in hand at three deaths of the process is put aside: it may be what kills it."""
        return self._world.ends >= 3

    def _posts_of(self, job_id: int) -> list[Message]:
        names = {f"cutscene-{job_id}.mp4"}
        button = f"job:{job_id}:delete"
        return [m for m in self._channel.messages if m.file_name in names or button in m.custom_ids]
