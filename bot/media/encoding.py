"""Encodes one video again so that it fits into a given size, in a process of its own.

Run as a script by `bot.media.reencoding`, which reads the one line of JSON that it prints: what was made, or why not.

The file is a stranger's. It is handed to FFmpeg as an open file with the container format that its first bytes say, so
nothing is guessed and no address, no playlist and no reference to another file is ever followed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

# FFmpeg's demuxers by the first bytes: MP4 and MOV (the type of the first box, at offset 4) or WebM and Matroska.
MP4_STARTS = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
EBML = bytes.fromhex("1a45dfa3")
# What video models deliver; every other decoder is one more parser for strangers' bytes.
PICTURE_CODECS = ("h264", "hevc", "vp8", "vp9", "libvpx", "libvpx-vp9", "libdav1d", "av1", "mpeg4")
SOUND_CODECS = ("aac", "mp3", "mp3float", "opus", "libopus", "vorbis", "flac", "ac3", "eac3", "pcm_s16le", "pcm_s16be")

MAX_PIXELS = 4096 * 2304  # 4K in both its sizes; no model of ours makes more
# Below this a moving picture of any size is mud; a link to the real thing is better.
LOWEST_BITRATE = 150_000
SOUND_BITRATE = 96_000
# Sound that is AAC already is kept as it is unless it takes more than this share of the room.
SOUND_SHARE = 0.15
# Bits for each pixel of each frame under which x264 at this preset blurs, so that fewer lines look better.
FEWEST_BITS_PER_PIXEL = 0.03
MOST_LINES = 1080  # within what Discord shows; encoding 4K takes four times as long
SMALLER_LINES = (720, 480)
# What MP4 itself takes: a few tables with one entry per sample, and the headers.
BYTES_PER_SAMPLE = 24
BYTES_FOR_HEADERS = 8192
MARGIN = 0.03
THREADS = 2
SECOND_MARGIN = 0.15
# How far the measured length may stay behind the promised one: edit lists and rounding, not a missing end.
LONGEST_GAP = 0.5
GAP_SHARE = 0.05

_BROKEN = (av.FFmpegError, OSError, ValueError, ArithmeticError, LookupError)


class Refused(Exception):  # noqa: N818 - an outcome with a name, printed as such
    """Why no smaller video was made, in words for the log."""


class _TooManyBytes(Exception):  # noqa: N818 - likewise
    """The step ran into the largest size that the file may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """What the file really holds: counted packet by packet, because headers lie."""

    demuxer: str
    width: int
    height: int
    seconds: float
    frames: int
    sound_codec: str | None
    sound_bytes: int
    sound_packets: int

    @property
    def lines(self) -> int:
        """The shorter side: "720 lines" is 1280x720, upright 720x1280."""
        return min(self.width, self.height)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How one try encodes."""

    bitrate: int
    lines: int
    buffer_bits: int
    is_sound_copied: bool


def fit(source: Path, target: Path, max_bytes: int) -> dict[str, int]:
    """Write *source* to *target* in at most *max_bytes*; raise Refused."""
    clip = survey(source)
    step = first_step(clip, max_bytes)
    for number in (1, 2):
        try:
            frames = _encode(source, target, clip, step)
        except _TooManyBytes:
            size = None
        else:
            size = target.stat().st_size
            if size <= max_bytes:
                _verify(target, clip, frames)
                _sync(target)
                return {"size": size, "bitrate": step.bitrate, "lines": step.lines, "steps": number}
        step = second_step(clip, step, size, max_bytes)
    raise Refused("two steps were not enough")


@dataclass(slots=True)
class _Track:
    """What the packets of one stream add up to."""

    packets: int = 0
    bytes: int = 0
    first: Fraction | None = None
    last: Fraction = Fraction(0)

    @property
    def seconds(self) -> float:
        return 0.0 if self.first is None else float(self.last - self.first)

    def add(self, packet: Packet[Stream]) -> None:
        if packet.is_corrupt or packet.pts is None or packet.time_base is None:
            raise Refused("the video is cut off or damaged")
        self.packets += 1
        self.bytes += packet.size
        start = packet.pts * packet.time_base
        self.first = start if self.first is None else min(self.first, start)
        self.last = max(self.last, start + (packet.duration or 0) * packet.time_base)


def survey(source: Path) -> Clip:
    """Go through the packets without decoding a picture."""
    demuxer = _demuxer(source)
    with _opened(source, demuxer) as given:
        picture, sound = _streams(given)
        seen, heard = _Track(), _Track()
        for packet in given.demux(_both(picture, sound)):
            if packet.size > 0:  # an empty one is the end of its stream
                (seen if packet.stream.index == picture.index else heard).add(packet)
        seconds = seen.seconds
        if seconds <= 0:
            raise Refused("the video has no frames")
        whole = given.duration / av.time_base if given.duration else 0.0
        own = float(picture.duration * picture.time_base) if picture.duration and picture.time_base else 0.0
        for promised, there in ((own, seconds), (whole, max(seconds, heard.seconds))):
            if promised - there > max(LONGEST_GAP, GAP_SHARE * promised):
                raise Refused("the video is shorter than it says")
        return Clip(
            demuxer=demuxer,
            width=picture.codec_context.width,
            height=picture.codec_context.height,
            seconds=seconds,
            frames=seen.packets,
            sound_codec=None if sound is None else sound.codec_context.codec.canonical_name,
            sound_bytes=heard.bytes,
            sound_packets=heard.packets,
        )


def first_step(clip: Clip, max_bytes: int) -> Step:
    """As many bits as there is room for, and no more lines than those bits can carry."""
    encoded_sound = SOUND_BITRATE / 8 * clip.seconds * 1.05 if clip.sound_codec else 0.0
    is_copied = clip.sound_codec == "aac" and clip.sound_bytes <= max(encoded_sound, max_bytes * SOUND_SHARE)
    sound = clip.sound_bytes if is_copied else encoded_sound
    samples = clip.frames + max(clip.sound_packets, clip.seconds * 48_000 / 1024 if clip.sound_codec else 0)
    room = max_bytes * (1 - MARGIN) - sound - samples * BYTES_PER_SAMPLE - BYTES_FOR_HEADERS
    # The encoder may owe a full buffer at the end, so that much stays free.
    buffer_seconds = min(1.0, clip.seconds / 4)
    bitrate = int(room * 8 / (clip.seconds + buffer_seconds))
    _check_bitrate(bitrate)
    return Step(
        bitrate=bitrate,
        lines=_lines_for(clip, bitrate),
        buffer_bits=int(bitrate * buffer_seconds),
        is_sound_copied=is_copied,
    )


def second_step(clip: Clip, before: Step, size: int | None, max_bytes: int) -> Step:
    """Fewer lines, and fewer bits by as much as the first step came out too large; *size* is None if it never ended."""
    overshoot = max_bytes / size if size else 0.85
    bitrate = int(before.bitrate * overshoot * (1 - SECOND_MARGIN))
    _check_bitrate(bitrate)
    lines = next((lines for lines in SMALLER_LINES if lines < before.lines), before.lines)
    return Step(
        bitrate=bitrate,
        lines=min(lines, _lines_for(clip, bitrate)),
        buffer_bits=int(before.buffer_bits * bitrate / before.bitrate),
        is_sound_copied=before.is_sound_copied,
    )


def _lines_for(clip: Clip, bitrate: int) -> int:
    whole = min(clip.lines, MOST_LINES)
    for lines in (whole, *(lines for lines in SMALLER_LINES if lines < whole)):
        width, height = _sides(clip, lines)
        if bitrate * clip.seconds >= FEWEST_BITS_PER_PIXEL * width * height * clip.frames:
            return lines
    return min(whole, SMALLER_LINES[-1])


def _check_bitrate(bitrate: int) -> None:
    if bitrate < LOWEST_BITRATE:
        raise Refused(f"only {max(0, bitrate) // 1000} kbit/s would be left for the picture")


def _sides(clip: Clip, lines: int) -> tuple[int, int]:
    """Width and height with the shorter side at *lines*; even, as yuv420p needs them."""
    scale = Fraction(lines, clip.lines)
    return max(2, round(clip.width * scale / 2) * 2), max(2, round(clip.height * scale / 2) * 2)


def _demuxer(source: Path) -> str:
    with source.open("rb") as file:
        head = file.read(8)
    if head[4:8] in MP4_STARTS:
        return "mp4"
    if head.startswith(EBML):
        return "matroska"
    raise Refused("the file is neither MP4 nor WebM")


def _no_other_file(url: str, _flags: int, _options: dict[str, str]) -> None:
    raise Refused(f"the video refers to another file ({url[:80]!r})")


@contextmanager
def _opened(source: Path, demuxer: str) -> Iterator[InputContainer]:
    options = {
        "codec_whitelist": ",".join((*PICTURE_CODECS, *SOUND_CODECS)),
        # Belt and braces: an open file needs no protocol, and MOV's references to other files are off by default.
        "protocol_whitelist": "none",
        **({"enable_drefs": "0"} if demuxer == "mp4" else {}),
    }
    with (
        source.open("rb") as file,
        av.open(file, "r", format=demuxer, container_options=options, io_open=_no_other_file) as given,
    ):
        yield given


def _streams(given: InputContainer) -> tuple[VideoStream, AudioStream | None]:
    """The first moving picture and the first sound, if we know their codecs."""
    picture = next(iter(given.streams.video), None)
    sound = next(iter(given.streams.audio), None)
    if picture is None or _codec(picture) not in PICTURE_CODECS:
        raise Refused("there is no picture that we can decode")
    if sound is not None and _codec(sound) not in SOUND_CODECS:
        raise Refused("there is sound that we cannot decode")
    picture.thread_count = THREADS  # otherwise as many as the machine has, each with its own memory
    if not 0 < picture.codec_context.width * picture.codec_context.height <= MAX_PIXELS:
        raise Refused("the picture has too many pixels, or none")
    return picture, sound


def _codec(stream: VideoStream | AudioStream) -> str:
    """FFmpeg's name of the decoder; empty when the whitelist or the build has none (PyAV's stub denies that)."""
    context = getattr(stream, "codec_context", None)
    return "" if context is None else str(context.name)


def _both(picture: VideoStream, sound: AudioStream | None) -> list[VideoStream | AudioStream]:
    return [picture] if sound is None else [picture, sound]


def _encode(source: Path, target: Path, clip: Clip, step: Step) -> int:
    """Write *target* and count its frames."""
    try:
        # With the protocol in front, no character of our own path can be taken for one.
        with (
            _opened(source, clip.demuxer) as given,
            av.open(f"file:{target}", "w", format="mp4", options={"movflags": "+faststart"}) as made,
        ):
            return _Transfer(given, made, clip, step).run()
    except OSError as err:
        if err.errno == errno.EFBIG:
            raise _TooManyBytes from err
        raise


class _Transfer:
    """One pass from the given file into the one that is made."""

    def __init__(self, given: InputContainer, made: OutputContainer, clip: Clip, step: Step) -> None:
        self._given = given
        self._made = made
        self._is_sound_copied = step.is_sound_copied
        self._picture, self._sound = _streams(given)
        self._picture.thread_type = "AUTO"
        self._sides = _sides(clip, step.lines)
        self._last_pts: int | None = None
        self._frames = 0
        self._encoder = self._add_picture(step)
        self._sound_out = self._add_sound()

    def _add_picture(self, step: Step) -> VideoStream:
        """Constant quality under a ceiling: a calm video stays small, a wild one stays below the size."""
        options = {
            "preset": "veryfast",
            "profile": "high",
            "crf": "20",
            "maxrate": str(step.bitrate),
            "bufsize": str(step.buffer_bits),
        }
        encoder = self._made.add_stream("libx264", rate=self._picture.average_rate or 30, options=options)
        context, before = encoder.codec_context, self._picture.codec_context
        context.width, context.height, context.pix_fmt = *self._sides, "yuv420p"
        context.time_base = self._picture.time_base or Fraction(1, 90_000)
        context.thread_count = THREADS
        context.color_primaries, context.color_trc = before.color_primaries, before.color_trc
        context.colorspace, context.color_range = before.colorspace, before.color_range
        if before.sample_aspect_ratio:
            context.sample_aspect_ratio = before.sample_aspect_ratio
        return encoder

    def _add_sound(self) -> AudioStream | None:
        if self._sound is None:
            return None
        if self._is_sound_copied:
            return self._made.add_stream_from_template(self._sound)
        layout = "mono" if self._sound.codec_context.channels == 1 else "stereo"
        encoder = self._made.add_stream("aac", rate=48_000, layout=layout)
        encoder.codec_context.bit_rate = SOUND_BITRATE
        return encoder

    def run(self) -> int:
        for packet in self._given.demux(_both(self._picture, self._sound)):
            if packet.stream.index == self._picture.index:
                for frame in self._picture.decode(packet):
                    self._put(frame)
            elif self._sound is None or self._sound_out is None:
                continue
            elif not self._is_sound_copied:
                for samples in self._sound.decode(packet):
                    self._made.mux(self._sound_out.encode(samples))
            elif packet.dts is not None:
                packet.stream = self._sound_out
                self._made.mux(packet)
        self._made.mux(self._encoder.encode())
        if self._sound_out is not None and not self._is_sound_copied:
            self._made.mux(self._sound_out.encode())
        return self._frames

    def _put(self, frame: VideoFrame) -> None:
        if frame.is_corrupt or frame.pts is None:
            raise Refused("the video is damaged")
        if self._last_pts is not None and frame.pts <= self._last_pts:
            return
        if frame.width * frame.height > MAX_PIXELS:
            raise Refused("the picture has too many pixels")
        if self._last_pts is None and frame.rotation % 360 != 0:
            # The turn stands in the header only, and would be lost. No model of ours makes such files.
            raise Refused("the video is turned by its header")
        self._last_pts = frame.pts
        smaller = frame.reformat(*self._sides, format="yuv420p", interpolation="BICUBIC")
        # What kind of frame it was says nothing about what kind it shall become.
        smaller.pict_type = PictureType.NONE
        smaller.pts, smaller.time_base = frame.pts, frame.time_base
        self._made.mux(self._encoder.encode(smaller))
        self._frames += 1


def _verify(target: Path, clip: Clip, frames: int) -> None:
    """Decode what was made from beginning to end."""
    made = survey(target)
    if abs(made.seconds - clip.seconds) > 0.5 or (made.sound_codec is None) != (clip.sound_codec is None):
        raise Refused("what was made is not the whole video")
    with _opened(target, made.demuxer) as given:
        packets = given.demux(_both(*_streams(given)))
        pictures = sum(isinstance(frame, VideoFrame) for packet in packets for frame in packet.decode())
    if pictures != frames:
        raise Refused(f"{pictures} of {frames} frames can be decoded")


def _sync(target: Path) -> None:
    """Onto the disk itself, before it takes the name under which a job knows it."""
    with target.open("rb") as file:
        os.fsync(file.fileno())


def _limit_ourselves(max_bytes: int, memory: int, seconds: int) -> None:
    """A video that needs more than this is an attack, or not worth it. The bot's own work goes first."""
    try:
        import resource  # noqa: PLC0415 - Windows has no such thing
    except ImportError:
        return
    os.nice(10)
    limits = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_CORE: 0,
        # Python ignores the signal that comes with it, so that writing beyond is an error like a full disk.
        resource.RLIMIT_FSIZE: max_bytes,
    }
    for kind, most in limits.items():
        # macOS knows the limit on memory and refuses to set it.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, most))


def _die_with_the_bot() -> None:
    """The bot holds the other end of our input: it closes when the bot is gone, however that happened."""
    sys.stdin.buffer.read()
    os._exit(1)


def main(source: str, target: str, max_bytes: str, memory: str, seconds: str) -> None:
    threading.Thread(target=_die_with_the_bot, daemon=True).start()
    _limit_ourselves(int(max_bytes), int(memory), int(seconds))
    answer: dict[str, int | str]
    try:
        answer = {**fit(Path(source), Path(target), int(max_bytes))}
    except Refused as err:
        answer = {"refused": str(err)}
    except MemoryError:
        answer = {"refused": "the video needs too much memory"}
    except _BROKEN as err:
        answer = {"refused": f"the video cannot be used ({type(err).__name__})"}
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()
    # The thread above sits in a read for good; a normal end would wait for its lock on the input.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
