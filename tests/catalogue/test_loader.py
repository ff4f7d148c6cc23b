"""A wrong file costs one clear line that says where, and never the other models."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.catalogue.loader import OWN_FOLDER, Loaded, load, load_folders
from bot.domain.models import Mode, ModelState, OptionName

# Right as it is; each test below breaks one thing.
NO_TABLE = "the model needs at least one table of [text], [image], [reference], [extend], [upscale], [restyle]"

GOOD = """\
# A model of nobody.
name = "Maker 1"
provider = "kie_jobs"
family = "Maker"
state = "live"
typical_seconds = 60

[text]
slug = "maker/text"
prompt = { min = 3, max = 100 }
fixed = { multi_shots = false }

[text.duration]
field = "duration"
type = "string"
range = [4, 8]
default = 5

[text.quality]
field = "resolution"
type = "string"
choices = ["720p", "1080p"]
send = { "1080p" = "1080P" }
default = "720p"

[text.price]
per = "second"
rows = [
    { credits = 10, quality = "720p" },
    { credits = 20, quality = "1080p" },
]

[image]
slug = "maker/image"
prompt = { max = 100, required = false }

[image.picture]
field = "image_urls"
as_list = true
formats = ["jpeg", "png"]

[image.audio]
field = "sound"
type = "boolean"
default = false

[image.price]
per = "clip"
rows = [{ credits = 30 }]
"""


def broken(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name.replace('_', '-')}.toml").write_text(text, "utf-8")
    return folder


def told(loaded: Loaded) -> list[tuple[str, int, str]]:
    return [(problem.file.name, problem.line, problem.text) for problem in loaded.problems]


def other(number: int, **changes: str) -> str:
    """Another right file beside GOOD."""
    text = GOOD.replace("Maker 1", f"Maker {number}").replace("maker/", f"maker-{number}/")
    for key, value in changes.items():
        text = text.replace("[text]", f"{key} = {value}\n\n[text]", 1)
    return text


def test_a_right_file_becomes_a_model_with_everything_in_it(tmp_path: Path) -> None:
    loaded = load_folders(write(tmp_path, maker_1=GOOD))

    assert loaded.problems == []
    model = loaded.catalogue.get("maker-1")
    text, image = model.modes[Mode.TEXT], model.modes[Mode.IMAGE]
    assert (model.name, model.family, model.provider, model.state) == ("Maker 1", "Maker", "kie_jobs", ModelState.LIVE)
    assert (model.typical.seconds, model.soft_limit.seconds, model.outer_limit.seconds) == (60, 600, 3600)
    assert (text.prompt.min_length, text.prompt.max_length, text.prompt.is_required) == (3, 100, True)
    assert [(c.value, c.vendor) for c in text.options[OptionName.DURATION].choices] == [
        (4, "4"),
        (5, "5"),
        (6, "6"),
        (7, "7"),
        (8, "8"),
    ]
    assert [(c.value, c.vendor) for c in text.options[OptionName.QUALITY].choices] == [
        ("720p", "720p"),
        ("1080p", "1080P"),
    ]
    assert text.fixed == {"multi_shots": False}
    assert text.is_probeable
    assert image.image is not None
    assert (image.image.vendor_field, image.image.as_list, image.image.max_bytes) == ("image_urls", True, 10_000_000)
    assert [c.value for c in image.options[OptionName.AUDIO].choices] == [True, False]
    assert not image.price.per_second


@pytest.mark.parametrize(
    ("old", "new", "at", "says"),
    [
        # The text is not TOML.
        ('name = "Maker 1"', 'name = "Maker 1', 'name = "Maker 1', "is not valid TOML: Illegal character"),
        ('family = "Maker"', 'name = "Maker"', 'name = "Maker"\n', "is not valid TOML"),
        (
            'per = "clip"\nrows = [{ credits = 30 }]\n',
            'per = "clip"\nrows = [ # open',
            "rows = [ # open",
            "is not valid TOML",
        ),
        (
            "typical_seconds = 60",
            f"typical_seconds = {'9' * 5000}",
            "# A model",
            "is not valid TOML: Exceeds the limit",
        ),
        ("max = 100 }\nfixed", f"max = {'[' * 5000} }}\nfixed", "# A model", "is nested too deeply"),
        # Keys and types.
        ('family = "Maker"\n', "", "# A model", "`family` is missing"),
        ('slug = "maker/text"\n', "", "[text]", "`text.slug` is missing"),
        (
            "typical_seconds = 60",
            'typical_seconds = "60"',
            "typical_seconds",
            "`typical_seconds`: input should be a valid int",
        ),
        (
            "typical_seconds = 60",
            "typical_seconds = true",
            "typical_seconds",
            "`typical_seconds`: input should be a valid int",
        ),
        (
            "typical_seconds = 60",
            "typical_seconds = 0",
            "typical_seconds",
            "`typical_seconds`: input should be greater",
        ),
        (
            "typical_seconds = 60",
            "typical_seconds = 99999999",
            "typical_seconds",
            "`typical_seconds`: input should be less",
        ),
        ('state = "live"', 'state = "alive"', "state", "`state`: input should be 'live', 'paused' or 'retired'"),
        ('provider = "kie_jobs"', 'provider = "kie"', "provider", "`provider`: input should be 'kie_jobs'"),
        ('name = "Maker 1"', 'name = ""', "name =", "`name`: string should match"),
        ('slug = "maker/text"', 'slug = "maker text"', 'slug = "maker text"', "`text.slug`: string should match"),
        (
            'family = "Maker"',
            'familly = "Maker"',
            "familly",
            "`familly` is not a key that is known here; did you mean `family`?",
        ),
        (
            "range = [4, 8]",
            "rnage = [4, 8]",
            "rnage",
            "`text.duration.rnage` is not a key that is known here; did you mean `range`?",
        ),
        ("credits = 20,", "credit = 20,", "    { credit = 20", "`text.price.rows.2.credits` is missing"),
        (
            "credits = 20,",
            "credits = -1,",
            "    { credits = -1",
            "`text.price.rows.2.credits`: input should be greater than 0",
        ),
        (
            "credits = 20,",
            "credits = inf,",
            "    { credits = inf",
            "`text.price.rows.2.credits`: input should be a finite",
        ),
        (
            "credits = 20,",
            'credits = 20, size = "xl",',
            "    { credits = 20, size",
            "`text.price.rows.2.size` is not a key",
        ),
        ("rows = [{ credits = 30 }]", "rows = []", "rows = []", "`image.price.rows`: list should have at least 1"),
        ('per = "clip"', 'per = "minute"', 'per = "minute"', "`image.price.per`: input should be 'second' or 'clip'"),
        ("range = [4, 8]", "range = [4, 99999999]", "range", "`text.duration.range.2`: input should be less than"),
        ("range = [4, 8]", "range = [4]", "range", "`text.duration.range`: list should have at least 2"),
        (
            'formats = ["jpeg", "png"]',
            'formats = ["jpeg", "heic"]',
            "formats",
            "`image.picture.formats.2`: input should be",
        ),
        ("[image.price]", "[image.pricing]", "[image]", "`image.price` is missing"),
        # Options.
        ("range = [4, 8]\n", "", "[text.duration]", "`duration` has no choices"),
        ("range = [4, 8]", "range = [8, 4]", "range", "the range has to go from the shortest to the longest duration"),
        ("range = [4, 8]", "range = [4, 8]\nchoices = [5]", "range", "`range` is for a duration that has no `choices`"),
        ('choices = ["720p", "1080p"]', "choices = [720, 1080]", "choices", "720 cannot be a value of `quality`"),
        (
            'choices = ["720p", "1080p"]',
            'choices = ["720P", "1080p"]',
            "choices",
            '"720P" cannot be a value of `quality`',
        ),
        ('choices = ["720p", "1080p"]', 'choices = ["720p", "1080p", "720p"]', "choices", '"720p" is there twice'),
        ('default = "720p"', 'default = "480p"', 'default = "480p"', 'the default "480p" is not one of the choices'),
        ("default = 5", "default = 9", "default = 9", "the default 9 is not one of the choices of `duration`"),
        ("default = 5", "default = true", "default = true", "true cannot be a value of `duration`"),
        (
            "default = false",
            'default = "no"',
            'default = "no"',
            '"no" cannot be a value of `audio`, which is true or false',
        ),
        (
            'send = { "1080p" = "1080P" }',
            'send = { "4k" = "4K" }',
            "send",
            "`4k` is not one of the choices of `quality`",
        ),
        ('send = { "1080p" = "1080P" }', 'send = { "1080p" = true }', "send", "true cannot be sent as string"),
        (
            'field = "resolution"\ntype = "string"',
            'field = "resolution"\ntype = "integer"',
            'type = "integer"',
            '"720p" cannot be sent as integer',
        ),
        (
            'field = "sound"\ntype = "boolean"',
            'field = "sound"\ntype = "string"',
            'type = "string"\ndefault = false',
            "true cannot be sent as string",
        ),
        (
            'field = "resolution"\ntype = "string"',
            'field = "resolution"',
            "[text.quality]",
            "`quality` needs both `field` and `type`",
        ),
        (
            'field = "resolution"',
            'field = "duration"',
            'field = "duration"\ntype = "string"\nchoices',
            "the provider's field `duration` is filled twice",
        ),
        ("multi_shots = false", 'prompt = "x"', "fixed", "the provider's field `prompt` is filled twice"),
        (
            "multi_shots = false",
            "made = 2026-09-24",
            "fixed",
            "`made` has to be a text, a number, true, false or texts",
        ),
        ("multi_shots = false", "shots = [1]", "fixed", "`shots` has to be a text, a number, true, false or texts"),
        (
            'choices = ["720p", "1080p"]',
            'choices = ["720p", "1080p", "x\\n"]',
            "choices",
            '"x " cannot be a value of `quality`',
        ),
        # Pictures and prompts.
        ("[image.picture]", "[text.picture]", "[text.picture]", "only [image] can have a picture"),
        ('formats = ["jpeg", "png"]', "min_side = 9\nmax_side = 5", "min_side", "`min_side` is more than `max_side`"),
        (
            'formats = ["jpeg", "png"]',
            "min_ratio = 3\nmax_ratio = 2",
            "min_ratio",
            "`min_ratio` is more than `max_ratio`",
        ),
        ("min = 3, max = 100", "min = 101, max = 100", "prompt", "the prompt's `min` is more than its `max`"),
        # Prices.
        ('{ credits = 20, quality = "1080p" },\n', "", "choices", '`quality` "1080p" has no price in any combination'),
        (
            '{ credits = 10, quality = "720p" },',
            '{ credits = 10, quality = "720p", duration = 4 },',
            "rows",
            "the defaults together have no price",
        ),
        (
            'credits = 20, quality = "1080p"',
            'credits = 20, quality = "4k"',
            "    { credits = 20",
            'the row\'s `quality` "4k" is not one of the choices',
        ),
        (
            'credits = 20, quality = "1080p"',
            "credits = 20, audio = true",
            "    { credits = 20",
            "the row names `audio`, which this mode does not have",
        ),
        (
            'credits = 10, quality = "720p"',
            "credits = 10",
            "    { credits = 20",
            "the row never counts, because rows above it cover all of it",
        ),
        ('per = "clip"', 'per = "second"', 'per = "second"\nrows = [{', "a price per second needs a `duration`"),
        # Life.
        (
            'state = "live"',
            'state = "retired"\nsuccessor = "maker-2"',
            "state",
            "a retired model needs `retired_on`, a date",
        ),
        (
            'state = "live"',
            'state = "retired"\nretired_on = 2026-09-24',
            "state",
            "a retired model needs a `successor`",
        ),
        ('state = "live"', 'state = "live"\nsuccessor = "maker-1"', "successor", "a model cannot be its own successor"),
        ('state = "live"', 'state = "live"\nsuccessor = "maker-9"', "successor", "there is no model `maker-9`"),
        (
            'state = "live"',
            'state = "paused"\ndefault = true',
            "default = true",
            "the default model has to be live, and this one is paused",
        ),
        (
            "typical_seconds = 60",
            "typical_seconds = 60\nouter_seconds = 500",
            "# A model",
            "`soft_seconds` has to be less than `outer_seconds`, which is 500",
        ),
        (
            "typical_seconds = 60",
            "typical_seconds = 3600",
            "typical_seconds",
            "`typical_seconds` has to be less than `outer_seconds`",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line_and_the_other_models_stay(
    tmp_path: Path, old: str, new: str, at: str, says: str
) -> None:
    text = broken(old, new)

    loaded = load_folders(write(tmp_path, maker_1=text, maker_2=other(2)))

    assert "maker-2" in loaded.catalogue.models
    assert "maker-1" not in loaded.catalogue.models
    messages = [message for _, _, message in told(loaded)]
    assert any(message.startswith(says) for message in messages), messages
    found = next(problem for problem in loaded.problems if problem.text.startswith(says))
    assert (found.file, found.line) == (tmp_path / "maker-1.toml", line_of(text, at))
    assert str(found).startswith(f"{tmp_path / 'maker-1.toml'}:{found.line}: {says}")


def test_a_file_may_set_its_own_limits_of_patience(tmp_path: Path) -> None:
    text = broken("typical_seconds = 60", "typical_seconds = 60\nsoft_seconds = 100\nouter_seconds = 500")

    model = load_folders(write(tmp_path, maker_1=text)).catalogue.get("maker-1")

    assert (model.soft_limit.seconds, model.outer_limit.seconds) == (100, 500)


def test_all_mistakes_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    text = (
        broken("default = 5", "default = 9")
        .replace('default = "720p"', 'default = "480p"')
        .replace("max = 100,", "min = 200, max = 100,")
    )

    loaded = load_folders(write(tmp_path, maker_1=text))

    assert [line for _, line, _ in told(loaded)] == [
        line_of(text, "default = 9"),
        line_of(text, 'default = "480p"'),
        line_of(text, "prompt = { min = 200"),
    ]


def test_a_model_without_any_mode_is_refused(tmp_path: Path) -> None:
    loaded = load_folders(write(tmp_path, maker_1=GOOD[: GOOD.index("[text]")]))

    assert told(loaded) == [("maker-1.toml", 1, NO_TABLE)]


def test_an_image_mode_needs_its_picture(tmp_path: Path) -> None:
    start, end = GOOD.index("[image.picture]"), GOOD.index("[image.audio]")
    text = GOOD[:start] + GOOD[end:]

    loaded = load_folders(write(tmp_path, maker_1=text))

    assert told(loaded) == [("maker-1.toml", line_of(text, "[image]"), "`image.picture` is missing")]


@pytest.mark.parametrize("name", ["Maker 1", "maker_1", "UPPER", "x" * 51, "-x", "möbius"])
def test_a_file_name_that_is_no_model_id_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.toml").write_text(GOOD, "utf-8")

    loaded = load_folders(tmp_path)

    assert loaded.catalogue.models == {}
    assert told(loaded) == [
        (f"{name}.toml", 1, "the file's name is the model's id: up to 50 small letters, digits and hyphens")
    ]


def test_a_file_that_is_not_text_is_told_with_the_line_where_it_stops_being_text(tmp_path: Path) -> None:
    (tmp_path / "maker-1.toml").write_bytes(b'# one\n# two\nname = "\xff"\n')

    assert told(load_folders(tmp_path)) == [("maker-1.toml", 3, "is not text in UTF-8")]


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "maker-1.toml").mkdir()  # Works for every user; file modes do not stop root.

    assert told(load_folders(tmp_path)) == [("maker-1.toml", 1, "cannot be read: Is a directory")]


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "maker-1.toml").write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())

    loaded = load_folders(tmp_path)

    assert loaded.problems == []
    assert list(loaded.catalogue.models) == ["maker-1"]


def test_a_folder_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    loaded = load_folders(tmp_path / "nowhere")

    assert loaded == Loaded(loaded.catalogue, [])
    assert loaded.catalogue.models == {}


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path, maker_1=GOOD)
    (tmp_path / "notes.txt").write_text("[", "utf-8")

    assert load_folders(tmp_path).problems == []


def test_the_host_adds_a_model(tmp_path: Path) -> None:
    loaded = load(write(tmp_path, maker_1=GOOD))

    assert loaded.problems == []
    assert set(loaded.catalogue.models) == {*load().catalogue.models, "maker-1"}


def test_the_hosts_file_replaces_ours_of_the_same_name(tmp_path: Path) -> None:
    text = (OWN_FOLDER / "wan-2-7.toml").read_text("utf-8").replace("credits = 24,", "credits = 30,")

    loaded = load(write(tmp_path, wan_2_7=text))

    assert loaded.problems == []
    assert set(loaded.catalogue.models) == set(load().catalogue.models)
    rows = loaded.catalogue.get("wan-2-7").modes[Mode.TEXT].price.rows
    assert [row.credits for row in rows] == [16, 30]


def test_ours_stays_when_the_hosts_file_is_wrong(tmp_path: Path) -> None:
    loaded = load(write(tmp_path, wan_2_7="name = 1"))

    assert loaded.problems
    assert {problem.file.parent for problem in loaded.problems} == {tmp_path}
    assert loaded.catalogue == load().catalogue


def test_ours_stays_when_the_hosts_file_contradicts_another(tmp_path: Path) -> None:
    text = (OWN_FOLDER / "wan-2-7.toml").read_text("utf-8").replace("wan/2-7-text-to-video", "wan/3-0-video")

    loaded = load(write(tmp_path, wan_2_7=text))

    assert told(loaded) == [
        ("wan-2-7.toml", line_of(text, 'slug = "wan/3-0-video"'), "`wan/3-0-video` is already the slug of `wan-3-0`")
    ]
    assert loaded.catalogue == load().catalogue


def test_the_host_chooses_another_default_without_touching_our_files(tmp_path: Path) -> None:
    loaded = load(write(tmp_path, maker_1=broken('state = "live"', 'state = "live"\ndefault = true')))

    assert loaded.problems == []
    assert [model.id for model in loaded.catalogue.models.values() if model.is_default] == ["maker-1"]


def test_two_defaults_in_one_folder_are_one_too_many(tmp_path: Path) -> None:
    second = other(2, default="true")

    loaded = load_folders(write(tmp_path, maker_1=other(1, default="true"), maker_2=second))

    assert told(loaded) == [("maker-2.toml", line_of(second, "default = true"), "`maker-1` is the default already")]
    assert loaded.catalogue.get("maker-1").is_default


def test_without_a_default_the_first_living_model_is_it(tmp_path: Path) -> None:
    paused = broken('state = "live"', 'state = "paused"').replace("typical", "order = 1\ntypical")

    loaded = load_folders(write(tmp_path, maker_1=paused, maker_2=other(2), maker_3=other(3)))

    assert [model.id for model in loaded.catalogue.models.values() if model.is_default] == ["maker-2"]


def test_two_models_cannot_have_the_same_slug(tmp_path: Path) -> None:
    second = other(2).replace("maker-2/image", "maker/text")

    loaded = load_folders(write(tmp_path, maker_1=GOOD, maker_2=second))

    assert told(loaded) == [
        ("maker-2.toml", line_of(second, 'slug = "maker/text"'), "`maker/text` is already the slug of `maker-1`")
    ]


def test_two_models_cannot_have_names_that_people_spell_alike(tmp_path: Path) -> None:
    second = other(2).replace('name = "Maker 2"', 'name = "MAKER-1"')

    loaded = load_folders(write(tmp_path, maker_1=GOOD, maker_2=second))

    assert told(loaded) == [("maker-2.toml", 2, "members could not tell this name from `maker-1`")]


def test_a_successor_that_is_retired_itself_is_refused_and_so_is_whoever_relied_on_that(tmp_path: Path) -> None:
    def retired(number: int, successor: str) -> str:
        life = f'state = "retired"\nretired_on = 2026-09-24\nsuccessor = "{successor}"'
        return other(number).replace('state = "live"', life)

    loaded = load_folders(
        write(tmp_path, maker_1=retired(1, "maker-2"), maker_2=retired(2, "maker-3"), maker_3=other(3))
    )

    assert told(loaded) == [("maker-1.toml", 7, "`maker-2` is retired itself")]
    assert list(loaded.catalogue.models) == ["maker-3", "maker-2"]


def test_a_model_whose_successor_has_a_bad_file_is_told_too(tmp_path: Path) -> None:
    first = broken('state = "live"', 'state = "paused"\nsuccessor = "maker-2"')

    loaded = load_folders(write(tmp_path, maker_1=first, maker_2="name = 1", maker_3=other(3)))

    assert ("maker-1.toml", 6, "there is no model `maker-2`") in told(loaded)
    assert list(loaded.catalogue.models) == ["maker-3"]


def test_models_are_offered_alive_first_then_by_order_then_by_family_and_name(tmp_path: Path) -> None:
    family = 'family = "Maker"'
    files = {
        "maker_1": other(1, order="1").replace('state = "live"', 'state = "paused"'),
        "maker_2": other(2, order="20"),
        "maker_3": other(3, order="10"),
        "maker_4": other(4).replace(family, 'family = "Zoo"'),
        "maker_5": other(5).replace(family, 'family = "Ant"'),
        "maker_6": other(6, order="0"),
        "maker_7": other(7, order="0").replace(
            'state = "live"', 'state = "retired"\nretired_on = 2026-09-24\nsuccessor = "maker-2"'
        ),
    }

    loaded = load_folders(write(tmp_path, **files))

    assert loaded.problems == []
    assert [int(model_id[-1]) for model_id in loaded.catalogue.models] == [6, 3, 2, 5, 4, 1, 7]


def test_problems_come_in_the_order_of_files_and_lines(tmp_path: Path) -> None:
    loaded = load_folders(write(tmp_path, maker_2="name = 1\n", maker_1=broken("default = 5", "default = 9")))

    places = [(problem.file.name, problem.line) for problem in loaded.problems]
    assert places == sorted(places)
    assert {file for file, _ in places} == {"maker-1.toml", "maker-2.toml"}


LINES = GOOD.splitlines(keepends=True)


@settings(deadline=None, max_examples=150)
@given(
    start=st.integers(0, len(LINES)),
    removed=st.integers(0, 4),
    added=st.lists(
        st.one_of(
            st.sampled_from(LINES),
            st.text(max_size=20),
            st.sampled_from(["[[text]]\n", "[text.price.rows]\n", "a.b.c = 1\n"]),
        )
    ),
)
@example(start=7, removed=1, added=["[[text]]\n"])
@example(start=1, removed=0, added=["text.prompt = 1979-05-27T07:32:00Z\n"])
def test_whatever_a_file_says_it_is_loaded_or_told(
    tmp_path_factory: pytest.TempPathFactory, start: int, removed: int, added: list[str]
) -> None:
    text = "".join([*LINES[:start], *added, *LINES[start + removed :]])
    folder = tmp_path_factory.mktemp("host")
    (folder / "maker-1.toml").write_text(text, "utf-8", errors="surrogatepass", newline="")

    loaded = load_folders(folder)

    assert bool(loaded.problems) != bool(loaded.catalogue.models)
    for problem in loaded.problems:
        assert 1 <= problem.line <= text.count("\n") + 1
        assert "\n" not in problem.text
