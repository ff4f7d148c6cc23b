"""Small real videos, and files that only look like some, for the tests of encoding again."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import av
from av.audio.frame import AudioFrame
from av.container import InputContainer
from av.video.frame import PictureType, VideoFrame

Frame = TypeVar("Frame", VideoFrame, AudioFrame)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a test wants to know about a video, found by decoding it whole."""

    picture: str
    sound: str | None
    pixels: str
    width: int
    height: int
    frames: int
    seconds: float
    heard: float


def made(
    path: Path,
    *,
    width: int = 320,
    height: int = 240,
    seconds: float = 2,
    noise: int = 40,
    picture: str = "libx264",
    sound: str | None = "aac",
    container: str = "mp4",
    movflags: str = "+faststart",
) -> Path:
    """A test picture under *noise*, which makes it expensive, with a beep."""
    options = {"preset": "ultrafast", "crf": "14"} if picture == "libx264" else {"b": "4M"}
    muxing = {"movflags": movflags} if container == "mp4" else {}
    with av.open(str(path), "w", format=container, options=muxing) as file:
        video = file.add_stream(picture, rate=24, options=options)
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        audio = None if sound is None else file.add_stream(sound, rate=48_000)
        assert audio is None or isinstance(audio, av.AudioStream)
        for frame in _pictures(width, height, seconds, noise):
            file.mux(video.encode(frame))
        file.mux(video.encode())
        if audio is not None:
            for samples in _beep(seconds):
                file.mux(audio.encode(samples))
            file.mux(audio.encode())
    return path


def _pictures(width: int, height: int, seconds: float, noise: int) -> Iterator[VideoFrame]:
    graph = av.filter.Graph()
    source = graph.add("testsrc2", f"size={width}x{height}:rate=24:duration={seconds}")
    grain = graph.add("noise", f"alls={noise}:allf=t")
    pixels, end = graph.add("format", "yuv420p"), graph.add("buffersink")
    source.link_to(grain)
    grain.link_to(pixels)
    pixels.link_to(end)
    graph.configure()
    for frame in _pulled(graph, VideoFrame):
        frame.pict_type = PictureType.NONE
        yield frame


def _beep(seconds: float) -> Iterator[AudioFrame]:
    graph = av.filter.Graph()
    source, end = graph.add("sine", f"sample_rate=48000:duration={seconds}"), graph.add("abuffersink")
    source.link_to(end)
    graph.configure()
    yield from _pulled(graph, AudioFrame)


def _pulled(graph: av.filter.Graph, kind: type[Frame]) -> Iterator[Frame]:
    while True:
        try:
            frame = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        assert isinstance(frame, kind)
        yield frame


def looked_at(path: Path) -> Look:
    with av.open(str(path), format="mp4") as file:
        video = file.streams.video[0]
        audio = next(iter(file.streams.audio), None)
        frames, samples = 0, 0
        for packet in file.demux():
            for frame in packet.decode():
                frames += isinstance(frame, VideoFrame)
                samples += frame.samples if isinstance(frame, AudioFrame) else 0
        assert video.duration is not None
        assert video.time_base is not None
        return Look(
            picture=video.codec_context.name,
            sound=None if audio is None else audio.codec_context.name,
            pixels=video.codec_context.pix_fmt or "",
            width=video.width,
            height=video.height,
            frames=frames,
            seconds=float(video.duration * video.time_base),
            heard=samples / 48_000,
        )


def sound_packets(path: Path) -> list[bytes]:
    """The sound as it is stored, to see whether it was copied."""
    with av.open(str(path)) as file:
        return [bytes(packet) for packet in file.demux(audio=0) if packet.size]


def boxes(path: Path) -> list[str]:
    """The names of an MP4's outermost boxes in their order."""
    content, names, at = path.read_bytes(), [], 0
    while at < len(content):
        size, name = struct.unpack_from(">I4s", content, at)
        names.append(name.decode())
        at += size
    return names


def with_sides(content: bytes, width: int, height: int) -> bytes:
    """The same MP4, claiming other sides in its sample description."""
    at = content.index(b"avc1", content.index(b"stsd")) + 4 + 24
    return content[:at] + struct.pack(">HH", width, height) + content[at + 4 :]


def turned(content: bytes) -> bytes:
    """The same MP4 with a header that tells players to turn it by a quarter."""
    at = content.index(b"tkhd") + 4 + 40
    return content[:at] + struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30) + content[at + 36 :]


def packed_header(unpacked_size: int) -> bytes:
    """An MP4 whose header is compressed and claims to be huge (QuickTime's `cmov`)."""
    body = b"\x78\x9c" + bytes(64)
    cmvd = _box(b"cmvd", struct.pack(">I", unpacked_size) + body)
    return _box(b"ftyp", b"qt  \0\0\0\0qt  ") + _box(b"moov", _box(b"cmov", _box(b"dcom", b"zlib") + cmvd))


def endless_table(content: bytes) -> bytes:
    """The same MP4 with a table that claims four thousand million entries."""
    at = content.index(b"stts") + 8
    return content[:at] + b"\xff\xff\xff\xff" + content[at + 4 :]


def _box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), name) + content


def input_of(path: Path) -> InputContainer:
    """Opened as a careless program would: by its name, with whatever FFmpeg takes it for."""
    return av.open(str(path))
