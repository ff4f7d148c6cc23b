"""The sandbox's movies are real ones: they decode, move, sound, show their prompt and keep their size."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import av
import pytest
from PIL import Image, ImageChops, ImageStat

from sandbox import captions
from sandbox.movies import MovieRequest, MovieSize, MovieStudio, PictureError, dimensions, padded, render


def request(
    prompt: str = "A paper boat in the rain",
    *,
    seconds: float = 3,
    aspect: str = "16:9",
    has_sound: bool = False,
    picture: Path | None = None,
    last_picture: Path | None = None,
    size: MovieSize = MovieSize.DRAFT,
) -> MovieRequest:
    return MovieRequest(
        prompt=prompt,
        model="wan/3-0-video",
        seconds=seconds,
        aspect=aspect,
        has_sound=has_sound,
        picture=picture,
        last_picture=last_picture,
        size=size,
    )


def pictures_of(path: Path) -> list[Image.Image]:
    with av.open(str(path)) as container:
        return [_image(frame) for frame in container.decode(video=0)]


def _image(frame: av.VideoFrame) -> Image.Image:
    image = frame.to_image()  # type: ignore[no-untyped-call]  # PyAV's stub lacks it
    assert isinstance(image, Image.Image)
    return image


def difference(a: Image.Image, b: Image.Image) -> float:
    return sum(ImageStat.Stat(ImageChops.difference(a, b)).mean)


def boxes(path: Path) -> list[str]:
    """Names of the MP4's top-level boxes, in order."""
    raw, names, at = path.read_bytes(), [], 0
    while at < len(raw):
        size = int.from_bytes(raw[at : at + 4])
        names.append(raw[at + 4 : at + 8].decode("latin-1"))
        at += size
    return names


def test_movie_lasts_as_long_as_asked_and_moves(tmp_path: Path) -> None:
    path = tmp_path / "movie.mp4"

    render(request(seconds=3), path)

    frames = pictures_of(path)
    with av.open(str(path)) as container:
        assert container.duration is not None
        assert container.duration / 1_000_000 == pytest.approx(3, abs=0.4)
    assert len(frames) == 9
    assert all(difference(a, b) > 0.5 for a, b in pairwise(frames))


def test_movie_is_h264_that_starts_before_it_is_all_there(tmp_path: Path) -> None:
    path = tmp_path / "movie.mp4"

    render(request(), path)

    with av.open(str(path)) as container:
        video = container.streams.video[0]
        assert (video.codec_context.name, video.pix_fmt) == ("h264", "yuv420p")
    names = boxes(path)
    assert names.index("moov") < names.index("mdat")


def test_movie_has_sound_only_when_asked(tmp_path: Path) -> None:
    silent, loud = tmp_path / "silent.mp4", tmp_path / "loud.mp4"

    render(request(has_sound=False), silent)
    render(request(has_sound=True), loud)

    with av.open(str(silent)) as container:
        assert not container.streams.audio
    with av.open(str(loud)) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
        samples = sum(frame.samples for frame in container.decode(audio=0))
        assert samples / 44_100 == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize(
    ("aspect", "expected"),
    [("16:9", (170, 96)), ("9:16", (96, 170)), ("1:1", (96, 96)), ("21:9", (224, 96)), ("adaptive", (170, 96))],
)
def test_movie_has_the_aspect_asked_for(tmp_path: Path, aspect: str, expected: tuple[int, int]) -> None:
    path = tmp_path / "movie.mp4"

    render(request(aspect=aspect, seconds=1), path)

    assert pictures_of(path)[0].size == expected
    assert dimensions(aspect, 96) == expected


def test_movie_made_from_a_picture_shows_that_picture_and_moves(tmp_path: Path) -> None:
    picture, path = tmp_path / "photo.png", tmp_path / "movie.mp4"
    photo = Image.linear_gradient("L").resize((400, 300))
    Image.merge("RGB", (photo, photo.rotate(180), Image.new("L", photo.size, 40))).save(picture)

    render(request(picture=picture, aspect="auto"), path)

    frames = pictures_of(path)
    assert frames[0].size == (128, 96)
    top, low = frames[0].getpixel((64, 3)), frames[0].getpixel((64, 50))
    assert isinstance(top, tuple)
    assert isinstance(low, tuple)
    assert low[0] > top[0] + 50, "the gradient of the picture is visible"
    assert difference(frames[0], frames[-1]) > 1


def test_movie_between_two_pictures_begins_with_one_and_ends_with_the_other(tmp_path: Path) -> None:
    first, last, path = tmp_path / "red.png", tmp_path / "blue.png", tmp_path / "movie.mp4"
    Image.new("RGB", (320, 320), (200, 20, 20)).save(first)
    Image.new("RGB", (320, 320), (20, 20, 200)).save(last)

    render(request(picture=first, last_picture=last, aspect="1:1"), path)

    frames = pictures_of(path)
    opening, closing = frames[0].getpixel((48, 10)), frames[-1].getpixel((48, 10))
    assert isinstance(opening, tuple)
    assert isinstance(closing, tuple)
    assert opening[0] > 150 > opening[2]
    assert closing[2] > 150 > closing[0]


def test_picture_that_is_none_is_refused(tmp_path: Path) -> None:
    fake = tmp_path / "fake.png"
    fake.write_bytes(b"this is not a picture")

    with pytest.raises(PictureError, match=r"fake\.png"):
        render(request(picture=fake), tmp_path / "movie.mp4")


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "Кот на скейтборде «быстро»",
        "一只猫在海边看日落",
        "😀😀😀",
        "e\u0301te\u0301 \u200b\ufeff\x00 end",
        "w" * 3000,
        "عربى",
    ],
)
def test_any_alphabet_can_be_drawn(tmp_path: Path, prompt: str) -> None:
    path = tmp_path / "movie.mp4"

    render(request(prompt, seconds=1), path)

    assert len(pictures_of(path)) == 3


def test_text_falls_back_to_plain_letters_where_no_font_knows_it() -> None:
    fonts = [captions.bundled(20)]

    assert captions.legible("Щука и ёж — «друзья»", fonts)[0] == 'Schuka i yozh - "druzya"'
    assert captions.legible("été", fonts)[0] == "ete"
    assert captions.legible("a red fox 🦊", fonts)[0] == "a red fox"
    assert captions.legible("一只猫", fonts)[0] == "A prompt of 3 characters"


def test_long_text_is_wrapped_and_ends_in_dots() -> None:
    font = captions.bundled(20)

    rows = captions.wrapped("a quick brown fox jumps over the lazy dog " * 5, font, 200, 3)

    assert len(rows) == 3
    assert rows[-1].endswith("...")
    assert all(font.getlength(row) <= 200 for row in rows)


def test_prompt_is_visible_in_the_movie(tmp_path: Path) -> None:
    short, long = tmp_path / "short.mp4", tmp_path / "long.mp4"
    seen = request("a", size=MovieSize.SCREEN, seconds=0.2)

    render(seen, short)
    render(request("a long wish that fills two lines of the card " * 2, size=MovieSize.SCREEN, seconds=0.2), long)

    card = [sum(pictures_of(path)[0].convert("L").histogram()[241:]) for path in (short, long)]
    assert card[1] > card[0]


@pytest.mark.parametrize("extra", [0, 8, 9, 1_000_000])
def test_padded_movie_has_exactly_the_size_and_still_plays(tmp_path: Path, extra: int) -> None:
    path = tmp_path / "movie.mp4"
    render(request(seconds=1), path)
    wanted = path.stat().st_size + extra

    bigger = padded(path, wanted, tmp_path / "padded.mp4")

    assert bigger.stat().st_size == wanted
    assert len(pictures_of(bigger)) == 3
    assert extra == 0 or boxes(bigger)[-1] == "free"


def test_padding_beyond_four_gigabytes_uses_the_long_form(tmp_path: Path) -> None:
    path = tmp_path / "movie.mp4"
    render(request(seconds=1), path)

    bigger = padded(path, 5 * 2**30, tmp_path / "padded.mp4")

    assert bigger.stat().st_size == 5 * 2**30
    assert bigger.stat().st_blocks * 512 < 10_000_000, "the padding is a hole"
    assert len(pictures_of(bigger)) == 3


def test_padding_cannot_shrink(tmp_path: Path) -> None:
    path = tmp_path / "movie.mp4"
    render(request(seconds=1), path)

    for wanted in (10, path.stat().st_size + 3):
        with pytest.raises(ValueError, match="cannot be padded"):
            padded(path, wanted, tmp_path / "padded.mp4")


def test_equal_requests_are_rendered_once_even_at_the_same_time(tmp_path: Path) -> None:
    studio = MovieStudio(tmp_path)

    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda n: studio.movie(request(), tmp_path / f"out-{n}.mp4"), range(8)))

    assert studio.rendered == 1
    assert len({path.read_bytes() for path in made}) == 1


def test_movie_forgotten_by_the_studio_stays_where_it_was_put(tmp_path: Path) -> None:
    studio = MovieStudio(tmp_path, capacity=1)
    first = studio.movie(request("one", seconds=1), tmp_path / "one.mp4")

    studio.movie(request("two", seconds=1), tmp_path / "two.mp4")
    studio.movie(request("one", seconds=1), tmp_path / "again.mp4")

    assert studio.rendered == 3
    assert len(pictures_of(first)) == 3
    assert len(list(tmp_path.iterdir())) == 4


def test_same_picture_under_another_name_is_the_same_movie(tmp_path: Path) -> None:
    studio = MovieStudio(tmp_path)
    for name in ("a.png", "b.png"):
        Image.new("RGB", (300, 300), (10, 200, 30)).save(tmp_path / name)

    for name in ("a", "b"):
        studio.movie(request(picture=tmp_path / f"{name}.png", seconds=1), tmp_path / f"{name}.mp4")

    assert studio.rendered == 1
