"""A video that is too large is made to fit, whatever the file is, and nothing else is ever opened or left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.errors import CannotFitError
from bot.media.encoding import LOWEST_BITRATE, Clip, Refused, first_step, fit, second_step
from bot.media.reencoding import SCRIPT, Reencoder, ReencodingLimits
from tests.loopback import always, answer, serving
from tests.media import clips

ROOM = 200_000
PROC = Path("/proc")
needs_proc = pytest.mark.skipif(not (PROC / "self" / "cmdline").exists(), reason="looks at processes through /proc")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds with sound, 3 MB."""
    return clips.made(tmp_path_factory.mktemp("clips") / "clip.mp4")


@pytest.fixture(scope="module")
def content(clip: Path) -> bytes:
    return clip.read_bytes()


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough work to be interrupted in."""
    return clips.made(tmp_path_factory.mktemp("clips") / "long.mp4", width=640, height=480, seconds=8)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def is_growing(folder: Path) -> bool:
    return any(path.stat().st_size for path in folder.glob("*.part"))


def parts_in(folder: Path) -> int:
    return len(list(folder.glob("*.part")))


def processes_about(folder: Path) -> list[Path]:
    """The processes that have *folder* in their arguments."""
    found = []
    for process in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):  # Others end while we look.
            if str(folder) in (process / "cmdline").read_text():
                found.append(process)
    return found


@contextlib.asynccontextmanager
async def fitting(source: Path, folder: Path) -> AsyncIterator[asyncio.Task[int]]:
    """A video that is being encoded into *folder* right now: the file has begun to grow."""
    task = asyncio.create_task(Reencoder().fit(source, folder / "small.mp4", 2_000_000))
    try:
        async with asyncio.timeout(30):
            while not is_growing(folder):
                assert not task.done()
                await asyncio.sleep(0.01)
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def refusal(source: Path, folder: Path, limits: ReencodingLimits | None = None) -> str:
    with pytest.raises(CannotFitError) as refused:
        await Reencoder(limits).fit(source, folder / "small.mp4", ROOM)
    return str(refused.value)


# What comes out


async def test_large_video_fits_and_still_has_its_pictures_and_sound(
    clip: Path, content: bytes, tmp_path: Path
) -> None:
    target = tmp_path / "small.mp4"

    size = await Reencoder().fit(clip, target, ROOM)

    before, after = clips.looked_at(clip), clips.looked_at(target)
    assert size == target.stat().st_size
    assert ROOM * 0.6 < size <= ROOM < len(content)
    assert (after.picture, after.sound, after.pixels) == ("h264", "aac", "yuv420p")
    assert (after.width, after.height, after.frames) == (before.width, before.height, before.frames)
    assert after.heard == pytest.approx(before.heard, abs=0.05)
    assert names_in(tmp_path) == ["small.mp4"]


async def test_header_comes_first_so_that_it_plays_while_it_loads(clip: Path, tmp_path: Path) -> None:
    await Reencoder().fit(clip, tmp_path / "small.mp4", ROOM)

    names = clips.boxes(tmp_path / "small.mp4")
    assert names.index("moov") < names.index("mdat")


async def test_sound_that_is_aac_already_is_not_encoded_again(clip: Path, tmp_path: Path) -> None:
    await Reencoder().fit(clip, tmp_path / "small.mp4", 2 * ROOM)

    assert clips.sound_packets(tmp_path / "small.mp4") == clips.sound_packets(clip)


async def test_webm_becomes_what_discord_plays(tmp_path: Path) -> None:
    source = clips.made(
        tmp_path / "v.mp4", container="webm", picture="libvpx", sound="libopus", width=160, height=120, seconds=1
    )

    await Reencoder().fit(source, tmp_path / "small.mp4", ROOM)

    after = clips.looked_at(tmp_path / "small.mp4")
    assert (after.picture, after.sound) == ("h264", "aac")
    assert after.heard == pytest.approx(1, abs=0.1)


async def test_silent_upright_video_of_odd_lines_stays_so(tmp_path: Path) -> None:
    source = clips.made(tmp_path / "v.mp4", width=480, height=854, sound=None, seconds=1)

    await Reencoder().fit(source, tmp_path / "small.mp4", 90_000)

    after = clips.looked_at(tmp_path / "small.mp4")
    assert (after.sound, after.width, after.height) == (None, 480, 854)


async def test_fewer_lines_are_better_than_blur(tmp_path: Path) -> None:
    source = clips.made(tmp_path / "v.mp4", width=1280, height=720, seconds=0.5)

    await Reencoder().fit(source, tmp_path / "small.mp4", 60_000)

    assert (clips.looked_at(tmp_path / "small.mp4").width, clips.looked_at(tmp_path / "small.mp4").height) == (854, 480)


async def test_earlier_result_is_replaced(clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "small.mp4"
    target.write_bytes(b"old")

    assert await Reencoder().fit(clip, target, ROOM) == target.stat().st_size > 3


# The two steps


def of(**values: object) -> Clip:
    facts: dict[str, object] = {
        "demuxer": "mp4",
        "width": 1920,
        "height": 1080,
        "seconds": 10.0,
        "frames": 240,
        "sound_codec": "aac",
        "sound_bytes": 160_000,
        "sound_packets": 469,
    }
    return Clip(**{**facts, **values})  # type: ignore[arg-type]  # a test's own table


def test_room_is_used_but_never_promised_twice() -> None:
    step = first_step(of(), 10_000_000)

    owed = (step.bitrate * 10 + step.buffer_bits) / 8 + 160_000
    assert 9_500_000 < owed < 10_000_000
    assert step.lines == 1080


@pytest.mark.parametrize(("max_bytes", "lines"), [(10_000_000, 1080), (2_000_000, 720), (800_000, 480)])
def test_lines_follow_the_bits_that_there_are(max_bytes: int, lines: int) -> None:
    assert first_step(of(), max_bytes).lines == lines


def test_4k_is_not_kept() -> None:
    assert first_step(of(width=2160, height=3840), 100_000_000).lines == 1080


@pytest.mark.parametrize(
    ("codec", "sound_bytes", "is_copied"), [("aac", 160_000, True), ("aac", 1_600_000, False), ("mp3", 1000, False)]
)
def test_sound_is_copied_when_it_is_aac_and_not_most_of_the_room(
    codec: str, sound_bytes: int, *, is_copied: bool
) -> None:
    assert first_step(of(sound_codec=codec, sound_bytes=sound_bytes), 2_000_000).is_sound_copied is is_copied


def test_video_that_would_only_be_mud_is_refused() -> None:
    with pytest.raises(Refused, match="kbit/s"):
        first_step(of(seconds=120.0, frames=2880), 2_000_000)


def test_second_step_has_fewer_lines_and_makes_up_for_the_first() -> None:
    first = first_step(of(), 10_000_000)

    second = second_step(of(), first, 12_000_000, 10_000_000)

    assert second.lines == 720
    assert second.bitrate < first.bitrate * 10 / 12
    assert second.buffer_bits / second.bitrate == pytest.approx(first.buffer_bits / first.bitrate, rel=1e-3)


def test_second_step_does_not_go_below_what_is_worth_watching() -> None:
    first = first_step(of(), 600_000)
    assert first.bitrate > LOWEST_BITRATE

    with pytest.raises(Refused):
        second_step(of(), first, 3_000_000, 600_000)


def test_step_that_grows_too_large_is_stopped_by_the_system_and_followed_by_the_second(
    clip: Path, tmp_path: Path
) -> None:
    whole = fit(clip, tmp_path / "whole.mp4", ROOM)["size"]
    code = (
        "import resource, runpy, sys; from pathlib import Path\n"
        f"encoding = runpy.run_path({str(SCRIPT)!r})\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({whole - 10_000}, {whole - 10_000}))\n"
        f"print(encoding['fit'](Path({str(clip)!r}), Path({str(tmp_path / 'small.mp4')!r}), {ROOM})['steps'])"
    )

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert printed.strip() == "2"


# Files that are not what they should be


@pytest.mark.parametrize("kept", [0.0, 0.001, 0.5, 0.9, 0.98])
async def test_video_that_is_cut_off_is_not_shortened_silently(content: bytes, tmp_path: Path, kept: float) -> None:
    (tmp_path / "v.mp4").write_bytes(content[: int(len(content) * kept)])

    await refusal(tmp_path / "v.mp4", tmp_path)

    assert names_in(tmp_path) == ["v.mp4"]


async def test_hostile_headers_are_refused_in_bounded_memory(content: bytes, tmp_path: Path) -> None:
    for number, hostile in enumerate(
        [
            bytes(5000),
            b"\x00\x00\x00\x18ftyp" + b"\xff" * 5000,
            clips.packed_header(3_000_000_000),
            clips.packed_header(2**32 - 1),
            clips.endless_table(content),
            content[:40_000] + bytes(2000) + content[42_000:],
            bytes.fromhex("1a45dfa3") + b"\xff" * 5000,
        ]
    ):
        (tmp_path / "v.mp4").write_bytes(hostile)

        reason = await refusal(tmp_path / "v.mp4", tmp_path)

        assert "died" not in reason, number
        assert names_in(tmp_path) == ["v.mp4"]


async def test_sides_in_the_header_do_not_count_but_the_real_ones_do(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "lying.mp4").write_bytes(clips.with_sides(content, 32_000, 32_000))
    huge = clips.made(tmp_path / "huge.mp4", width=4112, height=2320, seconds=0.2, noise=0, sound=None)

    await Reencoder().fit(tmp_path / "lying.mp4", tmp_path / "small.mp4", ROOM)

    assert clips.looked_at(tmp_path / "small.mp4").width == 320
    assert "pixels" in await refusal(huge, tmp_path)


async def test_video_that_only_its_header_turns_is_left_as_it_is(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "v.mp4").write_bytes(clips.turned(content))

    assert "turned" in await refusal(tmp_path / "v.mp4", tmp_path)


async def test_other_decoders_are_not_for_strangers(tmp_path: Path) -> None:
    source = clips.made(tmp_path / "v.mp4", picture="mpeg2video", sound=None, seconds=0.5)

    assert "decode" in await refusal(source, tmp_path)


async def test_list_of_files_is_not_followed_although_ffmpeg_would(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "secret.mp4").write_bytes(content)
    (tmp_path / "v.mp4").write_text("ffconcat version 1.0\nfile secret.mp4\n")

    with clips.input_of(tmp_path / "v.mp4") as careless:
        assert next(careless.decode(video=0)).width == 320  # It reads the other file.
    reason = await refusal(tmp_path / "v.mp4", tmp_path)

    assert "neither MP4 nor WebM" in reason


@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{url}/a.ts\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile {url}/a.mp4\n",
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{url}/</BaseURL></MPD>',
        "[InternetShortcut]\nURL={url}\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
    ],
)
async def test_playlist_named_as_a_video_reaches_nobody(content: bytes, tmp_path: Path, playlist: str) -> None:
    async with serving(always(answer(content))) as server:
        (tmp_path / "v.mp4").write_text(playlist.format(url=server.url))

        await refusal(tmp_path / "v.mp4", tmp_path)

        assert server.connections == 0


# The process around it


@needs_proc
async def test_encoder_knows_no_secret_and_gives_way(
    long_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "canary")

    async with fitting(long_clip, tmp_path):
        [process] = processes_about(tmp_path)
        environment = (process / "environ").read_text()
        # proc(5): the nice value is the 19th field; the second, in brackets, may hold spaces.
        nice = int((process / "stat").read_text().rpartition(")")[2].split()[16])

    assert "canary" not in environment
    assert nice >= 10


@needs_proc
async def test_cancelled_encoding_leaves_no_process_and_no_file(long_clip: Path, tmp_path: Path) -> None:
    async with fitting(long_clip, tmp_path) as task:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert names_in(tmp_path) == []
    assert processes_about(tmp_path) == []


@needs_proc
async def test_encoder_that_is_killed_is_a_refusal_and_leaves_nothing(long_clip: Path, tmp_path: Path) -> None:
    async with fitting(long_clip, tmp_path) as task:
        [process] = processes_about(tmp_path)
        os.kill(int(process.name), signal.SIGKILL)

        with pytest.raises(CannotFitError, match="died"):
            await task

    assert names_in(tmp_path) == []


def test_encoder_ends_when_the_bot_is_gone(long_clip: Path, tmp_path: Path) -> None:
    arguments = [str(long_clip), str(tmp_path / "small.mp4.part"), "2000000", str(ReencodingLimits().memory), "60"]
    with subprocess.Popen(
        [sys.executable, "-I", str(SCRIPT), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as encoder:
        assert encoder.stdin is not None
        encoder.stdin.close()  # What the system does with a dead process's pipes.

        assert encoder.wait(timeout=30) == 1


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        (ReencodingLimits(whole=timedelta(milliseconds=300)), "did not finish"),
        (ReencodingLimits(processor=timedelta(seconds=1)), "died"),
        (ReencodingLimits(memory=220 * 1024 * 1024), "memory|died|cannot be used"),
    ],
    ids=["clock", "processor", "memory"],
)
async def test_video_that_takes_too_much_is_given_up(
    long_clip: Path, tmp_path: Path, limits: ReencodingLimits, why: str
) -> None:
    with pytest.raises(CannotFitError, match=why):
        await Reencoder(limits).fit(long_clip, tmp_path / "small.mp4", 2_000_000)

    assert names_in(tmp_path) == []


async def test_videos_are_encoded_one_at_a_time(clip: Path, tmp_path: Path) -> None:
    reencoder, most = Reencoder(), 0
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(reencoder.fit(clip, tmp_path / f"{n}.mp4", ROOM)) for n in range(3)]
        while not all(task.done() for task in tasks):
            most = max(most, parts_in(tmp_path))
            await asyncio.sleep(0.005)

    assert most == 1
    assert names_in(tmp_path) == ["0.mp4", "1.mp4", "2.mp4"]


def test_bot_itself_never_loads_ffmpeg() -> None:
    code = "import sys, bot.app, bot.media.reencoding; sys.exit('av' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
