"""Whatever people write, in every message that repeats it: nobody is pinged, nothing is a link, nothing is hidden."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import timedelta

import discord
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.client.edge import said
from bot.domain.admission import PolicyRule, Refusal
from bot.domain.credits import Balance, EntryKind, HistoryLine
from bot.domain.ids import GuildId, JobId, TaskId, UserId
from bot.domain.job_files import JobFile
from bot.domain.jobs import FailureReason, JobState, Result
from bot.domain.periods import Period
from bot.domain.safety import Block
from bot.domain.staff_log import StaffEvent, StaffEventKind, StaffLine
from bot.errors.policies import refused
from bot.errors.screening import BlockedForGoodError, ModerationError
from bot.i18n import texts
from bot.ports import Receipt
from bot.rendering import job_files, moderation, posts, replies, rewrites, staff_log
from bot.rendering.cards import Progress, card
from sandbox.discord_server.mentions import Mentions, live_mentions
from sandbox.discord_server.permissions import NOTHING
from sandbox.discord_server.world import Application, Channel, ChannelKind, Guild, Role, User, World
from tests.discord_side.making import CATALOGUE, START, job, link_of

ENGLISH = texts("en-US")
RECEIPT = Receipt(charged=50, returned=12, spendable=438)
OUR_BREAK = "\u200b"
INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co"})
HIDDEN = (
    *("\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad"),  # without width
    *("\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069"),  # another direction
    *("\u200e", "\u200f", "\u061c", "\0", "\x1b"),
)
MASKED_LINK = re.compile(r"(?<!\\)(?:\\\\)*\[[^\]]*(?<!\\)(?:\\\\)*\]\(")
LINK = re.compile(r"[a-z]+://\S", re.IGNORECASE)
# What Discord makes something of wherever it stands: times, commands, emoji of other servers, channels.
LIVE = re.compile(r"(?<!\\)<(?:t:-?\d+|/[\w -]+:\d+|a?:\w+:\d+|#\d+|id:\w+)")


class Place:
    """A guild with somebody to ping."""

    def __init__(self) -> None:
        host, self.victim, self.requester = User(1, "host"), User(100_001, "victim"), User(100_002, "requester")
        users = {user.id: user for user in (host, self.victim, self.requester)}
        self.world = World(Application(2, "Cutscene", User(2, "Cutscene", is_bot=True), host), users=users)
        self.role = Role(100_003, "moderators", NOTHING)
        guild = Guild(3, "Film club", "en-US", 0, 10**7, host, roles={self.role.id: self.role})
        self.channel = Channel(4, ChannelKind.TEXT, "videos", guild)

    def pinged(self, text: str) -> Mentions:
        """Whom *text* pings where it is sent as carelessly as possible: everything allowed, by an administrator."""
        return live_mentions(text, None, self.world, self.channel, may_ping_everyone=True, replied_to=None)


PLACE = Place()
REQUESTER, GUILD = UserId(PLACE.requester.id), GuildId(3)
VICTIM, ROLE = PLACE.victim.id, PLACE.role.id

# Ordinary text is rarely hostile; these pieces are what attacks are made of.
PIECES = st.sampled_from(
    [
        *("@everyone", "@here", f"<@{VICTIM}>", f"<@!{VICTIM}>", f"<@&{ROLE}>", f"<#{VICTIM}>", "<t:0:R>"),
        *("</video:1234>", "<a:nitro:1234>", "<id:customize>", "@", "<", "<@", "&", "everyone", f"{VICTIM}>"),
        *("[free nitro](https://evil.test)", "](", "[", "]", "(", ")", "\\", "`", "```", "||", "**", "__", "~~"),
        *("\u202e", "\u202d", "\u2066", "\u2069", "\u200f", "\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\ud800"),
        *("\n", "\r\n", "\u2028", "\x85", "\n# ", "\n> ", "\n- ", "\n-# 500 credits returned", "\x00", "\x1b[31m"),
        *("https://evil.test/x", "HTTPS://EVIL.test", "discord.gg/abc", "hxxp://", "://", "javascript:alert(1)"),
        *("'; DROP TABLE jobs; --", "{0.__class__}", "{job}", "%s%n", "${jndi:ldap://x}"),
    ]
)
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=12)), max_size=24).map("".join)

ATTACKS = (
    "@everyone look",
    "@here",
    f"<@{VICTIM}> look",
    f"<@!{VICTIM}>",
    f"<@&{ROLE}>",
    f"`<@{VICTIM}>`",
    "```@everyone```",
    f"\\<@{VICTIM}>",
    f"|| <@&{ROLE}> ||",
    f"<\u200b@{VICTIM}> <@{VICTIM}>",
)


def whole(embed: discord.Embed) -> str:
    parts = [embed.title, embed.description, embed.footer.text]
    return "\n".join([part for part in parts if part] + [str(field.value) for field in embed.fields])


def shown_card(text: str, state: JobState) -> str:
    return whole(
        card(ENGLISH, job(state, prompt=text, failure=FailureReason.UPSTREAM), Progress(model="Swift 1")).embed
    )


def video_post(text: str) -> str:
    return posts.video_post(ENGLISH, job(prompt=text, user_id=PLACE.requester.id), RECEIPT, "Swift 1")


def late_post(text: str) -> str:
    late = job(prompt=text, user_id=PLACE.requester.id, is_late=True)
    return posts.video_post(ENGLISH, late, RECEIPT, "Swift 1")


def link_post(text: str) -> str:
    expires = START + timedelta(hours=1)
    made = job(prompt=text, user_id=PLACE.requester.id, result=Result(url="OUR-LINK", expires_at=expires))
    # Its own time mark is not what is looked for.
    return posts.link_post(ENGLISH, made, link_of(made), RECEIPT, "Swift 1").replace("<t:", "(t:", 1)


def failure_post(text: str) -> str:
    failed = job(JobState.FAILED, prompt=text, user_id=PLACE.requester.id, failure_detail=text)
    return posts.failure_post(ENGLISH, failed)


def details(text: str) -> str:
    failed = job(JobState.FAILED, prompt=text, user_id=PLACE.requester.id, failure_detail=text)
    return whole(replies.job_details(ENGLISH, failed, [], 0, CATALOGUE, is_staff=True))


def listed(text: str) -> str:
    return whole(replies.job_list(ENGLISH, [job(prompt=text)], 1, CATALOGUE)).replace("<t:", "(t:", 1)


def history(text: str) -> str:
    line = HistoryLine(at=START, kind=EntryKind.GRANT, credits=5, job_id=None, reason=text)
    return whole(replies.history(ENGLISH, [line], 1)).replace("<t:", "(t:", 1)


def asked_first(text: str) -> str:
    balance = Balance(
        allowance=500,
        allowance_left=500,
        period=Period.DAY,
        starts_at=START,
        renews_at=START,
        bonus=0,
        held=0,
        running=0,
        pool=None,
        pool_renews_at=None,
    )
    return whole(replies.price_question(ENGLISH, job(prompt=text).video, "Swift 1", balance))


def rewritten(text: str) -> str:
    """Their own words and the assistant's."""
    return whole(rewrites.offer(ENGLISH, 1, text, text, 50, "")[0])


def staff_line(text: str) -> str:
    events = (
        StaffEvent(guild_id=GUILD, kind=StaffEventKind.REPORT, user_id=REQUESTER, job_id=JobId(12), reason=text),
        StaffEvent(guild_id=GUILD, kind=StaffEventKind.SETTING, details={"name": text, "before": text, "after": text}),
        StaffEvent(
            guild_id=GUILD,
            kind=StaffEventKind.REFUSAL,
            user_id=REQUESTER,
            details={"rule": "ForbiddenWords", "word": text, "prompt": text or " ", "categories": text},
        ),
    )
    lines = [StaffLine(id=number, event=event, at=START, attempts=0) for number, event in enumerate(events)]
    return whole(staff_log.lines_of(ENGLISH, lines)).replace("<t:", "(t:", len(lines))


def blocked(text: str) -> str:
    block = Block(user_id=REQUESTER, actor_id=REQUESTER, reason=text, until=None, at=START)
    return moderation.blocked(ENGLISH, block, 0) + whole(moderation.block_list(ENGLISH, [block]))


def job_file(text: str) -> str:
    failed = job(JobState.FAILED, prompt=text, user_id=REQUESTER, failure_detail=text, task_id=TaskId(text or "t"))
    block = Block(user_id=REQUESTER, actor_id=REQUESTER, reason=text, until=None, at=START)
    file = JobFile(job=failed, timeline=[], entries=[], charged=0, given_back=None, block=block)
    return whole(job_files.card(ENGLISH, file, CATALOGUE))


def told_of_block(text: str) -> str:
    return said(BlockedForGoodError(reason=text), ENGLISH)


def told_of_stop(text: str) -> str:
    return said(refused(Refusal(rule=PolicyRule.CLOSED_REASON, values={"reason": text})), ENGLISH)


def told_of_moderation(text: str) -> str:
    return said(ModerationError(categories=text), ENGLISH)


MESSAGES: Mapping[str, Callable[[str], str]] = {
    **{f"card, {state}": lambda text, state=state: shown_card(text, state) for state in JobState},  # type: ignore[misc]
    "video post": video_post,
    "late post": late_post,
    "link post": link_post,
    "failure post": failure_post,
    "details for staff": details,
    "question about the price": asked_first,
    "rewritten prompt": rewritten,
    "staff log": staff_line,
    "blocks": blocked,
    "job's card for staff": job_file,
    "refusal of the blocked": told_of_block,
    "refusal while all is stopped": told_of_stop,
    "refusal by a moderation endpoint": told_of_moderation,
    "list": listed,
    "history": history,
}


def ping_others(text: str) -> bool:
    found = PLACE.pinged(text)
    return found.everyone or bool(found.roles) or any(user is not PLACE.requester for user in found.users)


@pytest.mark.parametrize("name", MESSAGES)
@settings(max_examples=60, deadline=None)
@given(text=TEXTS)
@example(text="@everyone [free](https://evil.test) \u202egnp.exe <t:0:R>")
def test_what_people_write_has_no_effect_in(name: str, text: str) -> None:
    shown = MESSAGES[name](text)

    assert not ping_others(shown)
    assert not MASKED_LINK.search(shown)
    assert not LINK.search(shown)
    assert not LIVE.search(shown)
    hidden = {character for character in shown if unicodedata.category(character) in INVISIBLE}
    assert hidden <= {OUR_BREAK, "\n"}
    shown.encode("utf-8")


@pytest.mark.parametrize("name", MESSAGES)
@settings(max_examples=30, deadline=None)
@given(text=TEXTS)
def test_what_people_write_makes_no_lines_of_its_own_in(name: str, text: str) -> None:
    lines, plain = MESSAGES[name](text).splitlines(), MESSAGES[name]("a fox").splitlines()

    # A text that shows nothing leaves its line out.
    assert len(lines) <= len(plain)
    assert not any(line.startswith(("-# 500", "# ")) for line in lines)


@pytest.mark.parametrize("name", MESSAGES)
def test_what_cannot_be_seen_changes_nothing_in(name: str) -> None:
    plain = MESSAGES[name]("a red fox in the snow")

    for hidden in HIDDEN:
        assert MESSAGES[name](f"a {hidden}red f{hidden}ox{hidden} in the snow") == plain


@pytest.mark.parametrize("attack", ATTACKS)
def test_text_that_is_repeated_as_it_is_would_ping(attack: str) -> None:
    """The version without a control: the same texts, put into a message and sent."""
    assert ping_others(f"{PLACE.requester.mention} here is your video\n> {attack}")
    assert not any(ping_others(message(attack)) for message in MESSAGES.values())
