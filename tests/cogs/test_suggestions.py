"""What autocomplete offers while somebody types."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.ids import ProviderId
from bot.domain.models import Catalogue, Mode
from bot.ports import NotSold, Sold
from bot.store.database import Database
from sandbox.person import Person
from tests.cogs.conftest import Stage, asked
from tests.media.drawings import drawn

KIE = ProviderId("kie_jobs")


async def test_models_show_price_and_typical_time(stage: Stage, ana: Person) -> None:
    found = await ana.suggestions("/video", "model")

    assert found[0].name == "Seedance 2 Fast · 124 credits · about 3 min"
    assert found[0].value == "seedance-2-fast"
    # Discord takes 25; the others are found by typing.
    assert len(found) == 25
    from_words = [model for model in stage.availability.offered() if Mode.TEXT in stage.availability.modes(model)]
    assert [each.value for each in found] == [str(model.id) for model in from_words][:25]


async def test_models_are_found_by_id_name_and_family_in_any_case(stage: Stage, ana: Person) -> None:
    by_name = await ana.suggestions("/video", "model", "sEEdance 2 F")
    by_id = await ana.suggestions("/video", "model", "KLING-3")
    by_family = await ana.suggestions("/video", "model", "hailuo")
    nothing = await ana.suggestions("/video", "model", "no such thing")

    assert [each.value for each in by_name] == ["seedance-2-fast"]
    assert {each.value for each in by_id} == {"kling-3-0", "kling-3-0-omni", "kling-3-0-turbo"}
    assert {each.value for each in by_family} == {
        "hailuo-02",
        "hailuo-02-pro",
        "hailuo-2-3",
        "hailuo-2-3-pro",
        "minimax-h3",
    }
    assert nothing == []


async def test_model_that_was_switched_off_is_not_offered(stage: Stage, ana: Person) -> None:
    stage.availability.note(KIE, "bytedance/seedance-2-fast", NotSold(is_known=True, detail="paused"))

    found = await ana.suggestions("/video", "model")

    assert "seedance-2-fast" not in {each.value for each in found}
    assert "sora-2" not in {each.value for each in found}


async def test_price_follows_the_picture(stage: Stage, ana: Person) -> None:
    for mode in (Mode.TEXT, Mode.IMAGE):
        stage.availability.note(KIE, stage.catalogue.get("sora-2-pro").modes[mode].slug, Sold())
    image = stage.server.add_attachment(drawn("PNG"), "fox.png", stage.channel)

    for_text = await ana.suggestions("/video", "model", "sora")
    for_image = await ana.suggestions("/video", "model", "sora", image=image)

    assert [each.name for each in for_text] == ["Sora 2 Pro · 260 credits · about 5 min"]
    assert [each.name for each in for_image] == ["Sora 2 Pro · 150 credits · about 5 min"]


async def test_models_that_only_animate_pictures_come_last_and_say_so(stage: Stage, ana: Person) -> None:
    found = await ana.suggestions("/video", "model", "hailuo")

    assert [each.name for each in found if "needs an image" in each.name] == [each.name for each in found[-2:]]
    assert found[-2].name == "Hailuo 2.3 · 30 credits · about 4 min · needs an image"
    assert [each.value for each in await ana.suggestions("/video", "duration", model="hailuo-2-3")] == [6, 10]


async def test_reference_pictures_leave_the_models_that_take_them(stage: Stage, ana: Person) -> None:
    image = stage.server.add_attachment(drawn("PNG"), "fox.png", stage.channel)

    found = await ana.suggestions("/video", "model", reference1=image)

    expected = [model for model in stage.availability.offered() if Mode.REFERENCE in stage.availability.modes(model)]
    assert [each.value for each in found] == [str(model.id) for model in expected]
    assert "minimax-h3" not in {each.value for each in found}  # that mode is paused


async def test_what_only_works_on_finished_videos_is_not_suggested(stage: Stage, ana: Person) -> None:
    assert await ana.suggestions("/video", "model", "topaz") == []


async def test_a_duration_that_the_model_decides_shows_the_most_that_it_may_cost(stage: Stage, ana: Person) -> None:
    found = await ana.suggestions("/video", "duration", "auto", model="wan-3-0")

    assert [(each.name, each.value) for each in found] == [("as the model likes, at most · 960 credits", -1)]


async def test_long_model_name_gives_way_to_its_price(stage: Stage, ana: Person) -> None:
    model = replace(stage.catalogue.get("seedance-2-fast"), name="x" * 300)
    stage.availability.catalogue = Catalogue({model.id: model})

    found = await ana.suggestions("/video", "model")

    assert len(found[0].name) == 100
    assert found[0].name.endswith("x… · 124 credits · about 3 min")


async def test_durations_of_the_default_model_show_what_each_costs(stage: Stage, ana: Person) -> None:
    found = await ana.suggestions("/video", "duration")

    assert [each.value for each in found] == list(range(4, 16))
    assert found[0].name == "4 s · 100 credits"
    assert found[-1].name == "15 s · 372 credits"


async def test_price_of_a_duration_counts_the_quality_that_was_chosen(stage: Stage, ana: Person) -> None:
    found = await ana.suggestions("/video", "duration", quality="480p")

    assert found[0].name == "4 s · 47 credits"


async def test_qualities_are_those_of_the_chosen_model(stage: Stage, ana: Person) -> None:
    found = await ana.suggestions("/video", "quality", model="seedance-2-fast", duration=4)

    assert [(each.name, each.value) for each in found] == [
        ("480p · 47 credits", "480p"),
        ("720p · 100 credits", "720p"),
    ]


async def test_aspects_have_no_price_where_it_does_not_depend_on_them(stage: Stage, ana: Person) -> None:
    found = await ana.suggestions("/video", "aspect", "9")

    assert [(each.name, each.value) for each in found] == [("9:16", "9:16")]


async def test_value_that_was_picked_before_stands_first_among_all(stage: Stage, ana: Person) -> None:
    found = await ana.suggestions("/video", "aspect", "1:1")

    assert found[0].value == "1:1"
    assert len(found) == 7


async def test_unknown_model_offers_no_values(stage: Stage, ana: Person) -> None:
    assert await ana.suggestions("/video", "quality", model="no such thing") == []


async def test_models_and_their_values_are_offered_without_a_look_into_the_store(
    stage: Stage, ana: Person, database: Database
) -> None:
    await database.write(lambda connection: connection.exec_driver_sql("ALTER TABLE jobs RENAME TO elsewhere"))

    assert len(await ana.suggestions("/video", "model")) == 25
    assert await ana.suggestions("/video", "duration", model="hailuo-2-3")


async def test_trouble_in_the_store_offers_nothing_and_is_logged(
    stage: Stage, ana: Person, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await asked(ana, "/video", prompt="a red fox")
    await database.write(lambda connection: connection.exec_driver_sql("ALTER TABLE jobs RENAME TO elsewhere"))

    assert await ana.suggestions("/jobs show", "job") == []

    assert "interaction_failed" in caplog.text


async def test_jobs_are_offered_newest_first_with_their_prompt(stage: Stage, ana: Person, ben: Person) -> None:
    await asked(ana, "/video", prompt="a red fox")
    await asked(ben, "/video", prompt="a blue whale")
    await asked(ana, "/video", prompt="a green frog", duration=4)

    found = await ana.suggestions("/jobs show", "job")

    assert [(each.name, each.value) for each in found] == [
        ("3 · waiting · a green frog", 3),
        ("1 · waiting · a red fox", 1),
    ]


async def test_only_waiting_jobs_are_offered_for_cancelling(stage: Stage, ana: Person) -> None:
    await asked(ana, "/video", prompt="a red fox", duration=4)
    await asked(ana, "/video", prompt="a green frog", duration=4)
    await stage.submits(1)

    found = await ana.suggestions("/jobs cancel", "job")

    assert [each.value for each in found] == [2]
