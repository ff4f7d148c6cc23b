"""A rewritten prompt is the member's to decide on; the assistant's trouble stops nothing, its cost is the host's."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.credits import AccountKind
from bot.domain.ids import UserId
from bot.domain.models import Choice, Mode, OptionName, OptionSpec
from bot.domain.policies import AssistMode
from bot.domain.videos import VideoRequest
from bot.errors import ProviderAuthError, ProviderUnavailableError
from bot.errors.assistance import AssistNotHereError, NoAssistantError, RewriteGoneError
from bot.errors.intake import BudgetReachedError
from bot.ports import Rewritten
from bot.services import host_limits
from bot.services.assistance import FAILURES, MOST_PER_HOUR, OFFER_LIFE, REST, Assistance, NoHelp
from bot.services.host_limits import ASSISTANT, Budget
from bot.services.hosting import Owner
from bot.services.troubles import Troubles
from bot.store import policies, tables
from bot.store.database import Database
from bot.store.rewrites import Rewrite
from tests.fakes import FakeAssistant, FakePublisher
from tests.samples import ANNA, BORIS, GUILD, MAKER, PICTURE
from tests.services.desk import Desk, asked, offered

OWNER = Owner(user_id=UserId(7), is_owner=True)
FOX = VideoRequest(prompt="a red fox", model=MAKER.id)
EMPTY = Rewritten(text=None, credits=None)
REFUSED = Rewritten(text=None, credits=None, is_refused=True)
ANSWER = "Wide shot: a fox in the morning light."


class Study:
    """The assistance of one process."""

    def __init__(self, desk: Desk, budget: Budget | None = None) -> None:
        self.desk = desk
        self.assistant = FakeAssistant()
        self.publisher = FakePublisher()
        self.assistance = Assistance(desk.database, desk.clock, assistant=self.assistant, budget=budget or Budget())
        self.assistance.report_to(Troubles(desk.database, desk.clock, self.publisher))

    async def suggest(
        self, request: VideoRequest = FOX, mode: AssistMode = AssistMode.ASSIST, user_id: UserId = ANNA
    ) -> Rewrite | NoHelp:
        return await self.assistance.suggest(GUILD, user_id, request, mode, MAKER)

    async def offer(self) -> Rewrite:
        found = await self.suggest()
        assert isinstance(found, Rewrite)
        return found

    async def allow(self, mode: AssistMode) -> None:
        policy = await self.desk.database.read(policies.load, GUILD)
        await self.desk.database.write(policies.save, replace(policy, assist=mode))


@pytest.fixture
def study(desk: Desk) -> Study:
    return Study(desk)


async def test_offer_waits_with_everything_that_was_typed_also_after_a_restart(study: Study) -> None:
    request = replace(FOX, picture=PICTURE, duration=5, audio=False, aspect="16:9", seed=7, references=(PICTURE,))
    now = study.desk.clock.now()
    stored = await study.desk.database.write(offered, ANNA, request, ANSWER, now)

    again = await Study(study.desk).assistance.find(ANNA, stored.id)

    assert again.chosen(is_own=True) == request
    assert again.chosen(is_own=False) == replace(request, prompt=ANSWER)


async def test_offer_charges_nothing(study: Study) -> None:
    await study.offer()

    assert (await study.desk.totals())[AccountKind.HELD] == 0
    assert await study.desk.count() == 0


async def test_offer_is_used_once_however_often_it_is_clicked(study: Study) -> None:
    offer = await study.offer()

    async def use() -> None:
        async with study.assistance.taking(ANNA, offer.id):
            pass

    outcomes = await asyncio.gather(use(), use(), use(), return_exceptions=True)

    assert sum(isinstance(each, RewriteGoneError) for each in outcomes) == 2
    with pytest.raises(RewriteGoneError):
        await study.assistance.find(ANNA, offer.id)


async def test_offer_is_given_back_when_nothing_came_of_it(study: Study) -> None:
    offer = await study.offer()

    with pytest.raises(BudgetReachedError):
        async with study.assistance.taking(ANNA, offer.id):
            raise BudgetReachedError(renews="soon")

    assert (await study.assistance.find(ANNA, offer.id)).id == offer.id


async def test_offer_of_somebody_else_or_of_yesterday_is_gone(study: Study) -> None:
    offer = await study.offer()
    with pytest.raises(RewriteGoneError):
        await study.assistance.find(BORIS, offer.id)
    study.desk.clock.advance(OFFER_LIFE)
    assert (await study.assistance.find(ANNA, offer.id)).id == offer.id

    study.desk.clock.advance(seconds=1)

    with pytest.raises(RewriteGoneError):
        await study.assistance.find(ANNA, offer.id)


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        (ProviderUnavailableError("503"), NoHelp.NO_ANSWER),
        (REFUSED, NoHelp.REFUSED),
        (EMPTY, NoHelp.NO_ANSWER),
        ("...", NoHelp.NO_ANSWER),
        ("\u200b", NoHelp.NO_ANSWER),
    ],
)
async def test_trouble_of_the_assistant_is_no_help_and_nothing_more(
    study: Study, trouble: str | Rewritten | BaseException, why: NoHelp
) -> None:
    study.assistant.answers.then(trouble)

    assert await study.suggest() is why


async def test_assistant_that_fails_again_and_again_rests_and_the_host_hears_of_it_once(study: Study) -> None:
    study.assistant.answers.then(ProviderUnavailableError("503"))
    for _ in range(FAILURES + 3):
        assert await study.suggest() is NoHelp.NO_ANSWER
    asked = len(study.assistant.asked)
    study.assistant.answers.then(ANSWER)
    assert await study.suggest() is NoHelp.NO_ANSWER

    study.desk.clock.advance(REST)
    assert isinstance(await study.suggest(), Rewrite)

    assert asked == FAILURES
    began, ended = study.publisher.told
    assert "The prompt assistant does not work: 503." in began
    assert ended == "The prompt assistant works again."


async def test_assistant_that_writes_nothing_again_and_again_is_told(study: Study) -> None:
    study.assistant.answers.then(*[EMPTY] * FAILURES)

    for _ in range(FAILURES):
        await study.suggest()

    [began] = study.publisher.told
    assert "it answered without a text" in began


async def test_wrong_key_is_told_at_once(study: Study) -> None:
    study.assistant.answers.then(ProviderAuthError("[401] no"))

    await study.suggest()

    assert len(study.publisher.told) == 1


async def test_nobody_asks_without_end_at_the_hosts_cost(study: Study) -> None:
    for _ in range(MOST_PER_HOUR):
        assert isinstance(await study.suggest(), Rewrite)

    assert await study.suggest() is NoHelp.TOO_OFTEN
    assert isinstance(await study.suggest(user_id=BORIS), Rewrite)
    study.desk.clock.advance(hours=1, seconds=1)
    assert isinstance(await study.suggest(), Rewrite)


@pytest.mark.parametrize("answer", [ANSWER, "..."])
async def test_commands_side_by_side_do_not_pass_the_limit(study: Study, answer: str) -> None:
    study.assistant.answers.then(answer)

    outcomes = await asyncio.gather(*(study.suggest() for _ in range(MOST_PER_HOUR + 5)))

    assert len(study.assistant.asked) == MOST_PER_HOUR
    assert outcomes.count(NoHelp.TOO_OFTEN) == 5
    assert await study.suggest() is NoHelp.TOO_OFTEN


async def test_question_that_is_still_on_its_way_is_no_offer(study: Study) -> None:
    await study.desk.database.write(asked, ANNA, FOX, study.desk.clock.now())

    with pytest.raises(RewriteGoneError):
        await study.assistance.find(ANNA, 1)


async def test_parts_of_a_credit_count_towards_the_hosts_budget(desk: Desk) -> None:
    study = Study(desk, Budget(markup=Decimal(2)))
    study.assistant.credits = 0.3

    for _ in range(5):
        await study.suggest()

    # Five times 0.3, as members' prices with the markup: 3 credits.
    day, month = await desk.database.read(
        lambda connection: [host_limits.spent_in(connection, each) for each in ("day 2026-11-20", "month 2026-11")]
    )
    assert day == month == 3
    [usage] = await desk.hosting.usage(OWNER, 1)
    assert (usage.guild_id, usage.model, usage.credits) == (GUILD, ASSISTANT, 3)


async def test_what_the_assistant_cost_is_not_left_for_videos(database: Database) -> None:
    desk = Desk(database, budget=Budget(daily=100))
    study = Study(desk, Budget(daily=100))
    study.assistant.credits = 1.5
    await study.suggest()

    with pytest.raises(BudgetReachedError):
        await desk.request(100)
    await desk.request(99)

    assert (await desk.hosting.budget(OWNER))[0].spent == Decimal("0.5")
    assert await desk.differences() == []


@pytest.mark.parametrize("answer", ["...", EMPTY, REFUSED])
async def test_answer_that_is_no_use_is_paid_for_all_the_same(study: Study, answer: str | Rewritten) -> None:
    study.assistant.answers.then(answer)
    study.assistant.credits = 1.0

    await study.suggest()

    assert await study.desk.database.read(host_limits.spent_in, "day 2026-11-20") == 1


async def test_assistant_is_not_asked_once_the_budget_is_used_up(desk: Desk) -> None:
    study = Study(desk, Budget(daily=100))
    await desk.request(100)

    assert await study.suggest() is NoHelp.NO_BUDGET
    assert study.assistant.asked == []


@pytest.mark.parametrize(
    ("offered", "typed", "shape"),
    [
        (("16:9", "9:16", "1:1"), None, "1:1"),
        (("16:9", "9:16"), None, "9:16"),
        (("16:9", "4:3"), None, None),
        (("16:9", "1:1"), "16:9", "16:9"),
    ],
)
async def test_meme_is_square_or_upright_where_that_was_left_open(
    study: Study, offered: tuple[str, ...], typed: str | None, shape: str | None
) -> None:
    aspect = OptionSpec(
        name=OptionName.ASPECT,
        vendor_field="aspect_ratio",
        choices=tuple(Choice(value=value, vendor=value) for value in offered),
        default=offered[0],
    )
    spec = MAKER.modes[Mode.TEXT]
    text = replace(spec, options={**spec.options, OptionName.ASPECT: aspect})
    model = replace(MAKER, modes={**MAKER.modes, Mode.TEXT: text})
    request = replace(FOX, aspect=typed)

    meme = await study.assistance.suggest(GUILD, ANNA, request, AssistMode.MEME, model)
    shot = await study.assistance.suggest(GUILD, ANNA, request, AssistMode.ASSIST, model)

    assert isinstance(meme, Rewrite) and meme.request.aspect == shape
    assert isinstance(shot, Rewrite) and shot.request.aspect == typed
    assert "meme" in study.assistant.asked[0].task
    assert "meme" not in study.assistant.asked[1].task


@pytest.mark.parametrize(
    ("decided", "asked", "mode"),
    [
        (AssistMode.FREE, None, AssistMode.OFF),
        (AssistMode.FREE, AssistMode.MEME, AssistMode.MEME),
        (AssistMode.ASSIST, None, AssistMode.ASSIST),
        (AssistMode.ASSIST, AssistMode.OFF, AssistMode.ASSIST),
        (AssistMode.MEME, AssistMode.ASSIST, AssistMode.MEME),
        (AssistMode.OFF, None, AssistMode.OFF),
        (AssistMode.OFF, AssistMode.OFF, AssistMode.OFF),
    ],
)
async def test_guild_decides_and_members_where_it_leaves_that_open(
    study: Study, decided: AssistMode, asked: AssistMode | None, mode: AssistMode
) -> None:
    await study.allow(decided)

    assert await study.assistance.mode(GUILD, asked) is mode


async def test_asking_for_what_is_not_to_be_had_is_refused(study: Study, desk: Desk) -> None:
    await study.allow(AssistMode.OFF)
    nobody = Assistance(desk.database, desk.clock, assistant=None, budget=Budget())

    with pytest.raises(AssistNotHereError):
        await study.assistance.mode(GUILD, AssistMode.ASSIST)
    with pytest.raises(NoAssistantError):
        await nobody.mode(GUILD, AssistMode.MEME)
    await study.allow(AssistMode.MEME)
    assert await nobody.mode(GUILD, None) is AssistMode.OFF


async def test_offers_of_yesterday_are_forgotten_with_their_prompts(study: Study, database: Database) -> None:
    old = await study.offer()
    study.desk.clock.advance(OFFER_LIFE)
    study.desk.clock.advance(seconds=1)

    await study.offer()

    assert await study.desk.count(tables.rewrites) == 1
    assert old.id == 1
