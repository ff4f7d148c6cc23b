"""What may happen outside, as data: how the provider, its callbacks, Discord and members behave in a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from itertools import product

from bot.domain.jobs import LateResults


class Create(StrEnum):
    """What becomes of one create call."""

    OK = "ok"
    LOST = "lost"  # the task exists, the answer never comes
    DROPPED = "dropped"  # neither task nor answer
    LATE = "late"  # the client gives up; then the request lands
    RESET = "reset"  # the task exists, the connection is cut
    INTERNAL = "internal"  # the task exists, the body says code 500
    SLOW = "slow"  # the answer takes a minute
    REFUSED = "refused"  # code 422: provably no task
    BUSY = "busy"  # code 429: provably no task, come back
    UNREACHABLE = "unreachable"  # no connection


class Ending(StrEnum):
    """What becomes of a task."""

    VIDEO = "video"
    FAILURE = "failure"
    NOTHING = "nothing"  # it renders for longer than anybody waits


class Calling(StrEnum):
    """How the provider calls back."""

    NEVER = "never"  # we have no public address
    ONCE = "once"
    LOST = "lost"
    DOUBLED = "doubled"
    EARLY = "early"  # before the create call is answered
    FORGED = "forged"  # somebody else does, with the name of another task
    LEAKED = "leaked"  # somebody else does, who has seen the address of the callback


class Poll(StrEnum):
    """What becomes of one question about a task."""

    OK = "ok"
    DOWN = "down"  # HTTP 503
    CUT = "cut"  # no answer
    HIDDEN = "hidden"  # "recordInfo is null"
    WRONG_KEY = "wrong key"  # code 401


class Fetch(StrEnum):
    """What becomes of one download."""

    OK = "ok"
    CUT = "cut"
    DEAD = "dead"  # the link has died; the provider gives a fresh one


class Post(StrEnum):
    """What becomes of one result message."""

    OK = "ok"
    LOST = "lost"  # it is there, the answer never comes
    DROPPED = "dropped"  # it is not there, and no answer comes
    LATE = "late"  # the client gives up; then it lands
    DOWN = "down"  # HTTP 503, not there
    NO_ACCESS = "no access"  # code 50001, not there: Discord also says so in error
    GONE = "gone"  # the channel does not exist any more
    TOO_LARGE = "too large"


class History(StrEnum):
    """How Discord answers who looks for an earlier message."""

    OK = "ok"
    DOWN_ONCE = "down once"
    NO_ACCESS_ONCE = "no access once"  # code 50001, said in error
    CLOSED = "closed"  # the bot may not read it: for a minute the nonce alone protects


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One `/video`, and what its member does next."""

    at: float = 0.0  # seconds after the start
    user: int = 1
    guild: int = 10
    times: int = 1  # how often the gateway brings the interaction
    cancels_after: float | None = None
    foreigner_cancels_after: float | None = None  # somebody in another guild tries
    claims_after: tuple[float, ...] = ()  # it asks for the video somewhere else, as far as that was kept
    claims_in: int = 10  # the guild where it does


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One way the world can be. Of each list the first entry is for the first call, and so on; then all goes well."""

    name: str
    commands: tuple[Command, ...] = (Command(),)
    creates: tuple[Create, ...] = ()
    ending: Ending = Ending.VIDEO
    calling: Calling = Calling.NEVER
    polls: tuple[Poll, ...] = ()
    fetches: tuple[Fetch, ...] = ()
    posts: tuple[Post, ...] = ()
    history: History = History.OK
    is_direct_closed: bool = False  # members take no direct messages from the bot
    host_hears_from: float = 0.0  # seconds after the start: until then no message to the host gets through
    renders: float = 1.5  # seconds
    until_late: bool = False  # go on for days, to see whether a late video comes
    allowance: int = 1_000_000
    allowances: tuple[tuple[float, int], ...] = ()  # at these seconds staff allows so much instead
    late: LateResults = LateResults.FREE  # what the host decided about them
    is_shared: bool = False  # a server database with leases: a second process may start while the first one lives
    has_backups: bool = False  # the host makes them: each start looks whether the database is one from the past
    full_disk: tuple[float, float] | None = None  # from, to: nothing can be written
    within: timedelta = field(default=timedelta(minutes=45))  # how long a job may take, downtimes not counted

    @property
    def has_public_url(self) -> bool:
        return self.calling is not Calling.NEVER


# So often in a row that nobody asks any longer.
MOST_HIDDEN = 60

BUSY_CREATES = (Create.REFUSED, Create.BUSY, Create.UNREACHABLE)


def single_jobs() -> Iterator[Scenario]:
    """Everything that can become of one create call, its task and its callback."""
    for create, ending, calling in product(Create, (Ending.VIDEO, Ending.FAILURE), Calling):
        if create in {Create.REFUSED, Create.DROPPED} and (ending is Ending.FAILURE or calling not in {Calling.NEVER}):
            continue  # There is no task that could end or be called about.
        yield Scenario(
            name=f"create {create}, {ending}, callback {calling}", creates=(create,), ending=ending, calling=calling
        )


def unheard() -> Iterator[Scenario]:
    """Messages to the host do not get through for a while, and there is something to tell."""
    for create in (Create.LOST, Create.DROPPED, Create.RESET):
        yield Scenario(name=f"create {create}, the host hears later", creates=(create,), host_hears_from=2400.0)
    two = (Command(user=1), Command(user=2, at=0.02))
    both = (Create.LOST, Create.DROPPED)
    yield Scenario(name="two creates lost, the host hears later", commands=two, creates=both, host_hears_from=2400.0)


def deliveries() -> Iterator[Scenario]:
    """Everything that can go wrong between the rendered video and the posted message."""
    for post, history in product(Post, (History.OK, History.DOWN_ONCE, History.NO_ACCESS_ONCE)):
        yield Scenario(name=f"post {post}, history {history}", posts=(post,), history=history)
    yield Scenario(name="channel gone, direct messages closed", posts=(Post.GONE,), is_direct_closed=True)
    for post in (Post.LOST, Post.LATE, Post.DROPPED):
        yield Scenario(name=f"channel gone, direct message {post}", posts=(Post.GONE, post))
    yield Scenario(name="no access twice", posts=(Post.NO_ACCESS, Post.NO_ACCESS))
    yield Scenario(name="no access, then post lost", posts=(Post.NO_ACCESS, Post.LOST))
    for post, history in product((Post.LOST, Post.DROPPED, Post.DOWN, Post.LATE), (History.OK, History.NO_ACCESS_ONCE)):
        name = f"post {post}, then no access, history {history}"
        yield Scenario(name=name, posts=(post, Post.NO_ACCESS), history=history)
    yield Scenario(name="post lost twice", posts=(Post.LOST, Post.DROPPED, Post.LOST))
    for fetch in (Fetch.CUT, Fetch.DEAD):
        yield Scenario(name=f"fetch {fetch}", fetches=(fetch, fetch))
    for poll in (Poll.DOWN, Poll.CUT, Poll.HIDDEN, Poll.WRONG_KEY):
        yield Scenario(name=f"poll {poll}", polls=(poll, poll, poll))


def blind_deliveries() -> Iterator[Scenario]:
    """The bot may not read the channel's history: after the life of a nonce nobody can see what was posted."""
    for post in (Post.OK, Post.LOST, Post.DROPPED, Post.DOWN, Post.LATE, Post.NO_ACCESS):
        yield Scenario(name=f"post {post}, history closed", posts=(post,), history=History.CLOSED)
    for post in (Post.LOST, Post.DOWN, Post.LATE):
        name = f"post {post}, then no access, history closed"
        yield Scenario(name=name, posts=(post, Post.NO_ACCESS), history=History.CLOSED)


def members() -> Iterator[Scenario]:
    """What members do: replays, double clicks, cancelling, at the last credit."""
    yield Scenario(name="interaction twice at once", commands=(Command(times=2),))
    for after in (0.0, 0.001, 0.5):
        yield Scenario(name=f"cancelled after {after} s", commands=(Command(cancels_after=after),))
    yield Scenario(name="cancelled in the queue", commands=(Command(cancels_after=3.0),), creates=(Create.BUSY,) * 3)
    yield Scenario(name="cancelled from abroad", commands=(Command(foreigner_cancels_after=0.0),))
    yield Scenario(name="two at the last credit", commands=(Command(), Command()), allowance=150)
    yield Scenario(name="the disk is full for a while", full_disk=(1.0, 20.0))


def claims() -> Iterator[Scenario]:
    """The channel is gone and direct messages are closed: the video is kept, and comes where its member claims it."""
    kept = Scenario(name="claimed", posts=(Post.GONE,), is_direct_closed=True)
    # So that whenever a process is away for one of them, another comes later.
    often = Command(claims_after=(30.0, 60.0, 700.0))
    yield replace(kept, commands=(often,))
    yield replace(kept, name="claimed in another server", commands=(replace(often, claims_in=20),))
    yield replace(kept, name="claimed twice at once", commands=(Command(claims_after=(30.0, 30.0)),))
    for post in (Post.LOST, Post.LATE, Post.DROPPED, Post.DOWN, Post.GONE):
        # The first two are the tries in the channel and in direct messages.
        yield replace(kept, name=f"claimed, then post {post}", commands=(often,), posts=(Post.GONE, Post.OK, post))


def late_results() -> Iterator[Scenario]:
    """No video within the model's time, and perhaps one after the refund: it is delivered once, as a gift."""
    yield Scenario(name="the task never ends", ending=Ending.NOTHING)
    yield Scenario(name="the task never ends, callbacks", ending=Ending.NOTHING, calling=Calling.ONCE)
    days = timedelta(days=16)
    late = Scenario(name="rendered after the outer limit", renders=400.0, until_late=True, within=days)
    yield late
    yield replace(late, name="rendered after the outer limit, callback", calling=Calling.ONCE)
    yield replace(late, name="rendered after the outer limit, post lost", posts=(Post.LOST,))
    yield replace(
        late,
        name="the create answer lost, the callback late",
        creates=(Create.LOST,),
        calling=Calling.ONCE,
        renders=1500.0,
    )


def late_charges() -> Iterator[Scenario]:
    """The same, as far as the host lets members pay for it: they pay what the post has said."""
    # The callback comes at 400 seconds, and the first post leaves at once.
    charged = Scenario(
        name="a late video is charged",
        renders=400.0,
        until_late=True,
        within=timedelta(days=16),
        calling=Calling.ONCE,
        late=LateResults.CHARGE,
    )
    yield charged
    yield replace(charged, name="a late video is charged, post lost", posts=(Post.LOST,))
    yield credits_come()
    yield credits_come(Post.LATE)
    yield replace(
        charged, name="the create answer lost, the callback late, charged", creates=(Create.LOST,), renders=1500.0
    )


def lost_creates() -> Iterator[Scenario]:
    """No answer to the create call, and no video either: the host is told, and may be billed."""
    days = timedelta(days=16)
    lost = Scenario(name="no task", creates=(Create.DROPPED,), until_late=True, within=days, calling=Calling.ONCE)
    yield lost
    yield replace(lost, name="the task fails late", creates=(Create.LOST,), ending=Ending.FAILURE, renders=1500.0)
    yield replace(lost, name="nobody names the task", creates=(Create.LOST,), calling=Calling.NEVER)


def credits_come(post: Post = Post.LOST) -> Scenario:
    """The first post of a late video leaves for somebody who cannot pay; then they can."""
    return Scenario(
        name=f"credits come while a late video is posted, post {post}",
        renders=400.0,
        until_late=True,
        within=timedelta(days=16),
        calling=Calling.ONCE,
        late=LateResults.CHARGE,
        posts=(post,),
        allowance=100,
        allowances=((350.0, 50), (402.0, 1_000_000)),
    )


def restored() -> Iterator[Scenario]:
    """Worlds in which a backup of the database may be put back, and what the provider then says of the job."""
    worlds = (
        Scenario(name="a video for words"),
        Scenario(name="called back", calling=Calling.ONCE),
        Scenario(name="create lost, called back", creates=(Create.LOST,), calling=Calling.ONCE),
        Scenario(name="post lost", posts=(Post.LOST,)),
        Scenario(name="channel gone", posts=(Post.GONE,)),
        Scenario(name="the task fails", ending=Ending.FAILURE),
        # Two questions lead to the video; whoever asks again afterwards is told that there never was such a task.
        Scenario(name="the record is gone afterwards", polls=(Poll.OK, Poll.OK, *[Poll.HIDDEN] * MOST_HIDDEN)),
    )
    for world in worlds:
        yield replace(world, name=f"with backups: {world.name}", has_backups=True)


def double_jobs() -> Iterator[Scenario]:
    """Two members at once; the trouble hits the first create call, the other job must not notice."""
    for single in single_jobs():
        if single.calling in {Calling.NEVER, Calling.ONCE, Calling.DOUBLED}:
            commands = (Command(user=1), Command(user=2, at=0.02))
            yield replace(single, name=f"two jobs: {single.name}", commands=commands)
    for delivery in deliveries():
        commands = (Command(user=1), Command(user=2, at=0.02))
        yield replace(delivery, name=f"two jobs: {delivery.name}", commands=commands)


def burst() -> Scenario:
    """More commands at once than the provider takes in its window."""
    return Scenario(name="a burst", commands=tuple(Command(user=n, at=0.01 * n) for n in range(30)))
