"""/help and /models: what somebody reads before the first video."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.ids import ModelId, ProviderId
from bot.domain.models import Catalogue, ImageFormat, Mode
from bot.ports import NotSold
from sandbox.person import Person
from tests.cogs.conftest import Stage, asked

KIE = ProviderId("kie_jobs")


async def pages(person: Person) -> list[str]:
    """Every page of /models, turned by its buttons."""
    handle = await asked(person, "/models")
    assert handle.is_ephemeral
    found = [handle.text()]
    while any(button.label == "Next page" for button in handle.buttons):
        turned = await person.clicks(handle, "Next page")
        await turned.until(lambda _: handle.text() != found[-1])
        found.append(handle.text())
    return found


async def test_help_names_every_command_as_something_to_click(stage: Stage, ana: Person) -> None:
    handle = await asked(ana, "/help")

    assert handle.is_ephemeral
    ids = {each["name"]: each["id"] for scope in stage.server.world.commands.values() for each in scope.values()}
    for command in ("video", "models", "credits balance", "jobs list", "jobs cancel", "quota grant"):
        assert f"</{command}:{ids[command.partition(' ')[0]]}>" in handle.text()


async def test_models_are_listed_with_everything_one_chooses_by(stage: Stage, ana: Person) -> None:
    text = "\n".join(await pages(ana))

    assert "Seedance 2 Fast · default: `seedance-2-fast` · from 47 credits · about 3 min" in text
    assert "duration 4-15 · quality 480p, 720p · audio True, False" in text
    assert all(model.name in text for model in stage.catalogue.models.values())


async def test_models_say_which_pictures_they_take(stage: Stage, ana: Person) -> None:
    lines = "\n".join(await pages(ana)).splitlines()

    assert (
        "image, last_frame, reference1-3: BMP, GIF, JPEG, PNG, TIFF, WEBP · up to 29.9 MB · sides from 300 to 6000 "
        "pixels · width:height from 2:5 to 5:2" in lines
    )
    assert "image, last_frame: JPEG, PNG · up to 10 MB" in lines


async def test_models_promise_no_larger_pictures_than_the_bot_takes_for_any(stage: Stage, ana: Person) -> None:
    rules = stage.catalogue.get("kling-3-0-omni").modes[Mode.IMAGE].image
    assert rules is not None
    assert rules.max_bytes == 50_000_000

    lines = "\n".join(await pages(ana)).splitlines()

    assert "image, last_frame, reference1-3: JPEG, PNG · up to 30 MB" in lines


async def test_a_mode_that_takes_other_pictures_says_so(stage: Stage, ana: Person) -> None:
    model = stage.catalogue.get("seedance-2-fast")
    both = model.modes[Mode.REFERENCE]
    assert both.references is not None
    alone = replace(both.references, formats=frozenset({ImageFormat.PNG}), min_ratio=0.00001, max_ratio=16 / 9)
    small = replace(alone, most=1, min_side=1, max_side=640, max_bytes=500_000, max_ratio=100_000)
    modes = {**model.modes, Mode.REFERENCE: replace(both, image=alone, references=small)}
    stage.availability.catalogue = Catalogue({model.id: replace(model, modes=modes)})

    [page] = await pages(ana)

    assert page.splitlines()[-3:-1] == [
        "image (references): PNG · up to 29.9 MB · sides from 300 to 6000 pixels · width:height of at most 16:9",
        "reference1: PNG · up to 0.5 MB · sides of at most 640 pixels",
    ]


async def test_retired_model_names_its_successor(stage: Stage, ana: Person) -> None:
    text = "\n".join(await pages(ana))

    assert "Sora 2: `sora-2` · switched off by its maker on 2026-09-24; try `seedance-2`" in text


async def test_paused_model_is_shown_as_switched_off(stage: Stage, ana: Person) -> None:
    stage.availability.note(KIE, "bytedance/seedance-2-fast", NotSold(is_known=True, detail="paused"))

    text = "\n".join(await pages(ana))

    assert "`seedance-2-fast` · switched off at the moment" in text


async def test_sixty_models_with_long_names_still_fit(stage: Stage, ana: Person) -> None:
    model = stage.catalogue.get("seedance-2-fast")
    many = {ModelId(f"model-{n}"): replace(model, id=ModelId(f"model-{n}"), name=f"{n} {'x' * 300}") for n in range(60)}
    stage.availability.catalogue = Catalogue(many)

    found = await pages(ana)

    assert len(found) >= 8
    assert "`model-59`" in found[-1]


async def test_no_models_at_all_is_said(stage: Stage, ana: Person) -> None:
    stage.availability.catalogue = Catalogue()

    assert "There are no models." in (await pages(ana))[0]
