"""Which line of a server's Integrations page decides whether somebody may use a command."""

from __future__ import annotations

import pytest

from bot.domain.assignments import Acting, Assignment, Whom, may_use
from bot.domain.ids import ChannelId, GuildId, RoleId, UserId

GUILD, ME, HELPERS, TRAINEES, HERE, ELSEWHERE = 100, 1, 2, 3, 4, 5
EVERYONE, ALL_CHANNELS = GUILD, GUILD - 1

Line = tuple[Whom, int, bool]


def member(*, has_default: bool = False) -> Acting:
    return Acting(
        guild_id=GuildId(GUILD),
        user_id=UserId(ME),
        role_ids=frozenset({RoleId(HELPERS), RoleId(TRAINEES), RoleId(EVERYONE)}),
        channel_id=ChannelId(HERE),
        has_default=has_default,
    )


def lines(*given: Line) -> list[Assignment]:
    return [Assignment(whom=whom, target_id=target_id, is_allowed=allowed) for whom, target_id, allowed in given]


@pytest.mark.parametrize(
    ("of_command", "expected"),
    [
        ([], False),
        ([(Whom.ROLE, HELPERS, True)], True),
        ([(Whom.ROLE, 77, True)], False),
        ([(Whom.USER, ME, True)], True),
        ([(Whom.ROLE, EVERYONE, True)], True),
        ([(Whom.ROLE, HELPERS, True), (Whom.USER, ME, False)], False),
        ([(Whom.ROLE, HELPERS, False), (Whom.USER, ME, True)], True),
        ([(Whom.ROLE, HELPERS, True), (Whom.ROLE, TRAINEES, False)], True),
        ([(Whom.ROLE, HELPERS, False), (Whom.ROLE, EVERYONE, True)], False),
        ([(Whom.ROLE, HELPERS, True), (Whom.ROLE, EVERYONE, False)], True),
        ([(Whom.USER, ME, True), (Whom.CHANNEL, HERE, False)], False),
        ([(Whom.USER, ME, True), (Whom.CHANNEL, ALL_CHANNELS, False)], False),
        ([(Whom.USER, ME, True), (Whom.CHANNEL, ALL_CHANNELS, False), (Whom.CHANNEL, HERE, True)], True),
        ([(Whom.USER, ME, True), (Whom.CHANNEL, ELSEWHERE, False)], True),
        ([(Whom.CHANNEL, HERE, True)], False),
        # The same number means something else for another kind of target.
        ([(Whom.USER, HELPERS, True), (Whom.CHANNEL, ME, True)], False),
    ],
)
def test_lines_of_a_command_give_it_or_not(of_command: list[Line], expected: bool) -> None:
    assert may_use(member(), lines(*of_command), []) is expected


def test_lines_of_the_application_give_nothing_and_take_away() -> None:
    everybody = lines((Whom.ROLE, EVERYONE, True), (Whom.USER, ME, True))
    nobody = lines((Whom.ROLE, EVERYONE, False))

    assert not may_use(member(), [], everybody)
    assert may_use(member(has_default=True), [], everybody)
    assert not may_use(member(has_default=True), [], nobody)


def test_lines_of_a_command_stand_over_those_of_the_application() -> None:
    nobody, nowhere = lines((Whom.ROLE, EVERYONE, False)), lines((Whom.CHANNEL, ALL_CHANNELS, False))
    helpers = (Whom.ROLE, HELPERS, True)

    assert may_use(member(), lines(helpers), nobody)
    assert not may_use(member(), lines(helpers), nowhere)
    assert may_use(member(), lines(helpers, (Whom.CHANNEL, HERE, True)), nowhere)


def test_whoever_has_the_default_right_keeps_it_until_a_line_says_otherwise() -> None:
    assert may_use(member(has_default=True), lines((Whom.ROLE, 77, True)), [])
    assert not may_use(member(has_default=True), lines((Whom.ROLE, HELPERS, False)), [])
