"""The two bots that are compared, each as a child process whose memory and processor time can be read."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import BinaryIO

from sandbox.bot_process import INHERITED, REPOSITORY, BotDiedError, Connections

# In which /proc counts processor time.
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class Contender(Enum):
    """Who runs, and the arguments to Python that start it."""

    OURS = ("-m", "bot", "run")
    OURS_OPENED = ("-m", "benchmarks.ours")  # without the provider's limits
    OURS_READING = ("-m", "benchmarks.reading")  # reads its histories all the time
    BASELINE = ("-m", "benchmarks.baseline")


def is_measurable() -> bool:
    """Whether this system tells about memory and processor time as Linux does."""
    return Path("/proc/self/clear_refs").exists()


class BotUnderTest:
    """One bot on a folder of its own, started, watched and killed."""

    def __init__(
        self, contender: Contender, connections: Connections, folder: Path, settings: Mapping[str, str]
    ) -> None:
        self._contender = contender
        self._log = folder / "bot.log"
        self._folder = folder
        port = _free_port()
        self._environment = {
            **{name: os.environ[name] for name in INHERITED if name in os.environ},
            "PYTHONPATH": str(REPOSITORY),
            "DISCORD_TOKEN": connections.discord_token,
            "DISCORD_API_URL": connections.discord_api_url,
            "DISCORD_GATEWAY_URL": connections.discord_gateway_url,
            "KIE_API_KEY": connections.kie_api_key,
            "KIE_API_URL": connections.kie_api_url,
            "KIE_UPLOAD_URL": connections.kie_upload_url,
            "DATA_DIR": str(folder / "data"),
            "HTTP_PORT": str(port),
            "PUBLIC_URL": f"http://127.0.0.1:{port}",
            "ALLOW_PRIVATE_ADDRESSES": "true",
            "LOG_FORMAT": "json",
            **settings,
        }
        self._process: asyncio.subprocess.Process | None = None
        self._file: BinaryIO | None = None

    async def start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._file = self._log.open("ab")
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *self._contender.value,
            cwd=self._folder,  # Not the repository: a real `.env` may lie there.
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=self._file,
            stderr=self._file,
        )

    async def died(self) -> None:
        """Return never, or raise when the bot ends by itself. Raises BotDiedError."""
        code = await self._running().wait()
        raise BotDiedError(f"{self._contender.name} ended with code {code}; its log ends:\n{self.log_tail()}")

    async def kill(self) -> None:
        """End it at once: what it has in its folder goes away with the folder, and a drain would only take time."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        if self._file is not None:
            self._file.close()

    def log_tail(self, lines: int = 15) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])

    # What the kernel knows about it (Linux only; `man 5 proc`).

    @property
    def resident(self) -> int:
        """Bytes in memory now."""
        return self._memory("VmRSS")

    @property
    def peak(self) -> int:
        """The most bytes in memory since `forget_peak`."""
        return self._memory("VmHWM")

    def forget_peak(self) -> None:
        self._proc("clear_refs").write_text("5")

    @property
    def processor_seconds(self) -> float:
        """Processor time used so far."""
        # The second field is a name in parentheses that may hold spaces.
        fields = self._proc("stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND

    def _memory(self, name: str) -> int:
        lines = self._proc("status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1]) * 1024

    def _proc(self, name: str) -> Path:
        return Path("/proc", str(self._running().pid), name)

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError("the bot has not been started")
        return self._process


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
