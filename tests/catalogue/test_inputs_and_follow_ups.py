"""The keys for frames, references, free options, shots and follow-ups: what they become, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.catalogue.loader import Loaded, load_folders
from bot.domain.models import AUTO_DURATION, Mode, OptionName, SourceKind

GOOD = """\
name = "Maker 1"
provider = "kie_jobs"
family = "Maker"
state = "live"
typical_seconds = 60

[image]
slug = "maker/image"
prompt = { max = 100 }

[image.picture]
field = "image_urls"
as_list = true

[image.last_frame]
field = "image_urls"
alone = true

[image.duration]
field = "duration"
type = "string"
range = [4, 8]
auto = -1
default = 5

[image.style]
field = "mode"
type = "string"
choices = ["normal", "spicy"]
adult = ["spicy"]
default = "normal"

[image.seed]
field = "seed"
type = "integer"
range = [0, 99]

[image.negative]
field = "negative_prompt"
max = 500

[image.price]
per = "second"
extra_picture = 4
rows = [{ credits = 10, style = "normal" }, { credits = 12 }]

[reference]
slug = "maker/reference"
prompt = { max = 100 }

[reference.references]
field = "reference_urls"
as_list = true
most = 9

[reference.price]
per = "clip"
rows = [{ credits = 30 }]

[extend]
slug = "maker/extend"
state = "paused"
prompt = { max = 100, required = false }

[extend.source]
kind = "task"
field = "task_id"
only = { style = ["normal"] }

[extend.price]
per = "clip"
rows = [{ credits = 30 }]

[upscale]
slug = "maker/upscale"
prompt = { max = 100, required = false }

[upscale.source]
kind = "video"
field = "video_url"
models = []
max_bytes = 50_000_000
max_seconds = 20

[upscale.price]
per = "second"
rows = [{ credits = 8 }]
"""


def load(folder: Path, text: str) -> Loaded:
    (folder / "maker-1.toml").write_text(text, "utf-8")
    return load_folders(folder)


def test_every_new_key_arrives_in_the_model(tmp_path: Path) -> None:
    loaded = load(tmp_path, GOOD)

    assert loaded.problems == []
    modes = loaded.catalogue.get("maker-1").modes
    image, reference, extend, upscale = (
        modes[mode] for mode in (Mode.IMAGE, Mode.REFERENCE, Mode.EXTEND, Mode.UPSCALE)
    )
    assert image.last_frame is not None
    assert (image.last_frame.vendor_field, image.last_frame.can_be_alone) == ("image_urls", True)
    duration = image.options[OptionName.DURATION]
    assert (duration.choices[-1].value, duration.choices[-1].vendor) == (AUTO_DURATION, "-1")
    assert image.options[OptionName.STYLE].adult == {"spicy"}
    assert [(free.name, free.low, free.high) for free in image.free.values()] == [
        (OptionName.SEED, 0, 99),
        (OptionName.NEGATIVE, 1, 500),
    ]
    assert (image.price.extra_picture, len(image.price.rows)) == (4, 2)
    assert reference.references is not None
    assert reference.references.most == 9
    assert extend.is_paused
    assert extend.source is not None
    assert (extend.source.kind, extend.source.models) == (SourceKind.TASK, {"maker-1"})
    assert extend.source.only == {OptionName.STYLE: ("normal",)}
    assert upscale.source is not None
    assert (upscale.source.models, upscale.source.max_seconds) == (frozenset(), 20)


@pytest.mark.parametrize(
    ("old", "new", "place", "fault"),
    [
        ("as_list = true\n\n[image.last", "\n[image.last", "[image.last_frame]\nfield", "`image_urls` is filled twice"),
        ("range = [0, 99]", "range = [9, 0]", "range = [9, 0]", "from the smallest to the largest seed"),
        ("range = [0, 99]", "range = [0, true]", "range = [0, true]", "`image.seed.range.2`"),
        ('adult = ["spicy"]', 'adult = ["rude"]', "adult", '"rude" is not one of the choices'),
        ('adult = ["spicy"]', 'adult = ["normal"]', 'default = "normal"', "is for adults only"),
        ("auto = -1", 'auto = "never"', "auto", "`image.duration.auto`: input should be a valid integer"),
        ('style = "normal" }', 'style = "sad" }', "rows = [{ credits", '`style` "sad" is not one of the choices'),
        ("most = 9", "most = 0", "most = 0", "`reference.references.most`"),
        ("[reference.references]", "[reference.sources]", "[reference.sources]", "is not a key that is known here"),
        ('kind = "task"', 'kind = "link"', "kind", "`extend.source.kind`"),
        ('field = "task_id"', 'field = "task_id"\nmodels = []', "models = []", "knows only its own tasks"),
        ("only = { style", "only = { seed", "only", "`seed` is not an option with choices"),
        ("[upscale.source]", "[upscale.picture]", "[upscale.picture]", "`upscale.picture.kind`"),
        ('state = "paused"', 'state = "retired"', 'state = "retired"', "`extend.state`"),
        ("max = 500", "max = 500\nmin = 1", "min = 1", "`image.negative.min` is not a key"),
    ],
)
def test_a_wrong_key_is_refused_with_its_line(tmp_path: Path, old: str, new: str, place: str, fault: str) -> None:
    assert GOOD.count(old) == 1
    text = GOOD.replace(old, new)

    loaded = load(tmp_path, text)

    assert not loaded.catalogue.models
    first_line = text[: text.index(place)].count("\n") + 1
    lines = [problem.line for problem in loaded.problems if fault in problem.text]
    assert any(first_line <= line <= first_line + 1 for line in lines), [str(problem) for problem in loaded.problems]


@pytest.mark.parametrize(
    ("mode", "table", "fault"),
    [
        ("text", 'picture = { field = "a" }', "only [image] can have a picture"),
        ("text", 'references = { field = "a" }', "only [reference] can have references"),
        ("image", 'source = { kind = "task", field = "a" }', "[upscale] and [restyle] can have a source"),
        ("image", 'last_frame = { field = "a" }', "a `last_frame` needs a `picture`"),
        ("reference", "", "`reference.references` is missing"),
        ("extend", "", "`extend.source` is missing"),
    ],
)
def test_a_mode_has_the_inputs_that_belong_to_it(tmp_path: Path, mode: str, table: str, fault: str) -> None:
    head = GOOD[: GOOD.index("[image]")]
    text = f"""{head}
[{mode}]
slug = "maker/{mode}"
prompt = {{ max = 100 }}
price = {{ per = "clip", rows = [{{ credits = 1 }}] }}
{table}
"""

    loaded = load(tmp_path, text)

    assert any(fault in problem.text for problem in loaded.problems), [str(problem) for problem in loaded.problems]


def test_shots_need_seconds_to_share(tmp_path: Path) -> None:
    shots = 'shots = { field = "shots", text = "Scene", seconds = "duration", most = 10 }'
    text = GOOD.replace("[reference]\nslug", f"[reference]\nprompt.{shots}\nslug").replace(
        'slug = "maker/reference"\nprompt = { max = 100 }', 'slug = "maker/reference"\nprompt.max = 100'
    )

    loaded = load(tmp_path, text)

    assert [problem.text for problem in loaded.problems] == [
        "shots share the seconds of a `duration`, and there is none"
    ]
