"""What a naive bot has kept of the promises after all the kills, judged from outside: it has no ledger to look into.

Every command is of another member, so the mention in a post says whose video it is and `/balance` what it has cost.
As with ours (`chaos/kill_checks.py`), a "thinking" without an end promises nothing, and whoever died over the create
call may leave it at the credits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from benchmarks.terms import CREDITS, PRICE
from sandbox.discord_server import DiscordServer, Message, User, videos_of
from sandbox.kie_server import KieServer
from sandbox.person import Handle, Person

REFUSAL = "That did not work"
PATIENCE = 30.0


class Broken(Enum):
    """A promise that was broken to the member of one command."""

    LOST = "left without an end"
    POSTED_TWICE = "posted more than once"
    MADE_TWICE = "more than one task"
    FREE = "video and credits back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One `/video` of a member who sends no other; its prompt is found again on the provider's task."""

    prompt: str
    person: Person
    handle: Handle


def ended(commands: Sequence[Command], discord: DiscordServer) -> int:
    """How many have their video or the word that there will be none."""
    posts = _posts(discord)
    videos, refusals = _videos(posts), _refusals(posts)
    return sum(
        1
        for each in commands
        if videos[each.person.user] or each.person.user in refusals or REFUSAL in each.handle.text()
    )


async def broken(commands: Sequence[Command], discord: DiscordServer, kie: KieServer) -> list[frozenset[Broken]]:
    """The promises broken to each command's member; most sets should be empty. The bot must be running, and done."""
    posts = _posts(discord)
    videos, refusals = _videos(posts), _refusals(posts)
    tasks = Counter(task.prompt for task in kie.tasks)
    found = []
    for each in commands:
        user, paid = each.person.user, CREDITS - await _balance(each.person)
        is_refused = user in refusals or REFUSAL in each.handle.text()
        is_promised = each.handle.message is not None and not each.handle.is_thinking
        facts = {
            Broken.LOST: not videos[user] and (paid > 0 or (is_promised and not is_refused)),
            Broken.POSTED_TWICE: videos[user] > 1,
            Broken.MADE_TWICE: tasks[each.prompt] > 1,
            Broken.FREE: videos[user] > 0 and paid < PRICE,
        }
        found.append(frozenset(kind for kind, is_so in facts.items() if is_so))
    return found


async def _balance(person: Person) -> int:
    answer = await (await person.types("/balance")).answered(PATIENCE)
    return int(answer.text().split()[2])


def _posts(discord: DiscordServer) -> list[Message]:
    """What it has posted of its own accord. The answers to commands are not looked at: nobody else sees them change."""
    channels = discord.world.channels.values()
    return [post for channel in channels for post in channel.messages.values() if post.author is discord.bot]


def _videos(posts: Sequence[Message]) -> Counter[User]:
    return Counter(user for post in posts if videos_of(post) for user in post.mentions)


def _refusals(posts: Sequence[Message]) -> frozenset[User]:
    return frozenset(user for post in posts if REFUSAL in post.content for user in post.mentions)
