"""Makes a finished video small enough for the place where it shall be posted, one at a time, in another process."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bot import logs
from bot.errors import CannotFitError
from bot.media.children import bare_environment
from bot.media.downloads import PART

log = logs.get(__name__)

# By path and not imported: it loads FFmpeg, and strangers' videos are no business of the bot's own process.
SCRIPT = Path(__file__).with_name("encoding.py")

# The answer is one short line; a longer one is not an answer.
LONGEST_ANSWER = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class ReencodingLimits:
    """What one video may take."""

    # Address space. A 4K source took 490 MiB (280 MiB of them really used), 1080p 460; the rest is for other codecs.
    memory: int = 768 * 1024 * 1024
    processor: timedelta = timedelta(minutes=4)  # 10 s of 1080p took 10 s; the longest of our models make 25 s
    whole: timedelta = timedelta(minutes=8)  # by the clock: on a busy machine it comes last


class Reencoder:
    """Encodes videos again. One at a time: a second one would only make both slower and take the memory twice."""

    def __init__(self, limits: ReencodingLimits | None = None) -> None:
        self._limits = limits or ReencodingLimits()
        self._turn = asyncio.Semaphore(1)

    async def fit(self, source: Path, target: Path, max_bytes: int) -> int:
        """Write *source* to *target* as an MP4 of at most *max_bytes* and return its size. Raises CannotFitError.

        *target* appears complete or not at all. Safe to repeat.
        """
        async with self._turn:
            part = target.with_name(f"{target.name}.{secrets.token_hex(4)}{PART}")
            try:
                answer = await self._encode(source, part, max_bytes)
                size = await asyncio.to_thread(_kept, part, target, max_bytes)
            except CannotFitError as error:
                log.info("video_not_reencoded", file=source.name, limit=max_bytes, reason=str(error))
                raise
            finally:
                # The child is gone by now, however this ends.
                part.unlink(missing_ok=True)
        made = {name: answer.get(name) for name in ("bitrate", "lines", "steps")}
        log.info("video_reencoded", file=source.name, limit=max_bytes, size=size, **made)
        return size

    async def _encode(self, source: Path, part: Path, max_bytes: int) -> Mapping[str, object]:
        limits = self._limits
        # -I: no user packages and nothing from the working directory. The pipe that the child reads from stays open as
        # long as we live: it ends itself when we are killed.
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            str(SCRIPT),
            str(source),
            str(part),
            str(max_bytes),
            str(limits.memory),
            str(int(limits.processor.total_seconds())),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=bare_environment(),
        )
        try:
            async with asyncio.timeout(limits.whole.total_seconds()):
                output = await _output_of(process)
                await process.wait()
        except TimeoutError as error:
            raise CannotFitError(f"the encoder did not finish within {limits.whole}") from error
        finally:
            await _end(process)
        return _answer(output, process.returncode)


async def _output_of(process: asyncio.subprocess.Process) -> bytes:
    if process.stdout is None:
        raise AssertionError("the encoder was started with a pipe for its answer")
    # Not `communicate`: it would close the child's input, which means that we are gone.
    output = bytearray()
    while len(output) <= LONGEST_ANSWER and (chunk := await process.stdout.read(LONGEST_ANSWER)):
        output += chunk
    return bytes(output)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Whatever happened, the child has ended and its pipes are closed after this."""
    if process.returncode is None:
        process.kill()
    if process.stdin is not None:
        process.stdin.close()
    await process.wait()


def _answer(output: bytes, exit_code: int | None) -> Mapping[str, object]:
    try:
        answer = json.loads(output)
    except ValueError as error:
        # Out of memory inside a library, out of processor time, or a decoder that crashed.
        raise CannotFitError(f"the encoder died (exit code {exit_code})") from error
    if not isinstance(answer, dict) or "refused" in answer:
        raise CannotFitError(str(answer.get("refused")) if isinstance(answer, dict) else "the encoder spoke nonsense")
    return answer


def _kept(part: Path, target: Path, max_bytes: int) -> int:
    """Give the file its name. Its size is looked at, not believed."""
    size = part.stat().st_size if part.exists() else 0
    if not 0 < size <= max_bytes:
        raise CannotFitError(f"the encoder made {size} bytes")
    part.replace(target)
    return size
