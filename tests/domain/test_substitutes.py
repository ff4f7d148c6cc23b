"""What another model makes of a job: as much of it as it can, and it tells what is not the same."""

from __future__ import annotations

import dataclasses

from bot.domain.ids import ModelId
from bot.domain.models import FreeSpec, Mode, ModeSpec, OptionName, VideoModel
from bot.domain.substitutes import fitted
from bot.domain.videos import VideoRequest, VideoSpec, resolve
from tests.domain.making import AUDIO, DURATION, MODEL, PICTURE, TEXT, option

SEED = FreeSpec(name=OptionName.SEED, vendor_field="seed", is_text=False, low=0, high=1000)
NEGATIVE = FreeSpec(name=OptionName.NEGATIVE, vendor_field="negative_prompt", is_text=True, low=0, high=100)
OWN = dataclasses.replace(
    MODEL,
    modes={
        Mode.TEXT: dataclasses.replace(
            TEXT,
            options={**TEXT.options, OptionName.AUDIO: AUDIO},
            free={OptionName.SEED: SEED, OptionName.NEGATIVE: NEGATIVE},
        )
    },
)


def other(spec: ModeSpec = TEXT) -> VideoModel:
    return dataclasses.replace(MODEL, id=ModelId("other-2"), name="Other 2", modes={Mode.TEXT: spec})


def video(**chosen: object) -> VideoSpec:
    """A job's video, made by a model with all options."""
    asked = dataclasses.replace(VideoRequest(prompt="a red fox", model=OWN.id), **chosen)
    made = resolve(asked, OWN)
    assert isinstance(made, VideoSpec), made
    return made


def test_what_the_other_model_does_not_know_is_left_out_and_nothing_else() -> None:
    job = video(duration=8, aspect="9:16", quality="480p", audio=False, seed=7, negative="fog")

    found = fitted(job, other(dataclasses.replace(TEXT, free={OptionName.SEED: SEED})))

    assert found is not None
    assert found.video.options == {"aspect": "9:16", "duration": 8, "quality": "480p", "seed": 7}
    assert (found.request.model, found.video.model) == ("other-2", "other-2")
    assert found.changes(job) == [OptionName.AUDIO, OptionName.NEGATIVE]


def test_a_value_that_the_other_model_does_not_have_is_its_own_choice_and_is_told() -> None:
    job = video(duration=8, aspect="1:1")
    wide = option(OptionName.ASPECT, "16:9", "9:16")

    found = fitted(job, other(dataclasses.replace(TEXT, options={**TEXT.options, OptionName.ASPECT: wide})))

    assert found is not None
    assert (found.video.options["aspect"], found.video.options["duration"]) == ("16:9", 8)
    assert OptionName.ASPECT in found.changes(job)
    assert OptionName.DURATION not in found.changes(job)


def test_values_that_are_not_sold_together_give_way_one_by_one() -> None:
    job = video(duration=4, quality="4k", aspect="9:16")
    longer = dataclasses.replace(DURATION, choices=DURATION.choices[1:])

    found = fitted(job, other(dataclasses.replace(TEXT, options={**TEXT.options, OptionName.DURATION: longer})))

    assert found is not None
    assert found.video.options == {"aspect": "9:16", "duration": 5, "quality": "720p"}
    assert found.changes(job) == [OptionName.DURATION, OptionName.QUALITY, OptionName.AUDIO]


def test_the_same_video_changes_nothing() -> None:
    job = video(duration=8)

    found = fitted(job, dataclasses.replace(OWN, id=ModelId("other-2")))

    assert found is not None
    assert found.changes(job) == []
    assert found.video.price == job.price


def test_prompt_and_pictures_are_the_members_own() -> None:
    shorter = dataclasses.replace(TEXT, prompt=dataclasses.replace(TEXT.prompt, max_length=5))

    assert fitted(video(), other(shorter)) is None
    assert fitted(dataclasses.replace(video(), mode=Mode.IMAGE, picture=PICTURE), other()) is None
