"""The real bot as a child process: started, watched until it serves, stopped kindly or killed."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

import aiohttp

from sandbox.discord_server import DiscordServer
from sandbox.kie_server import KieServer

REPOSITORY = Path(__file__).resolve().parent.parent

# What a child needs of the surroundings; the host's own settings must not leak into a sandboxed bot.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")

START_TIMEOUT = 30.0
STOP_TIMEOUT = 20.0


class BotDiedError(Exception):
    """The bot ended by itself; the text holds the end of its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connections:
    """Where the bot finds its Discord and its provider."""

    discord_token: str
    discord_api_url: str
    discord_gateway_url: str
    kie_api_key: str
    kie_api_url: str
    kie_upload_url: str

    @classmethod
    def to(cls, discord: DiscordServer, kie: KieServer) -> Self:
        return cls(
            discord_token=discord.token,
            discord_api_url=discord.api_url,
            discord_gateway_url=discord.gateway_url,
            kie_api_key=kie.api_key,
            kie_api_url=kie.api_url,
            kie_upload_url=kie.upload_url,
        )


class BotProcess:
    """One `python -m bot run` on a folder of its own; start it again after a kill and it carries on there."""

    module: Sequence[str] = ("bot", "run")  # what Python is to run, and its arguments

    def __init__(
        self,
        connections: Connections,
        folder: Path,
        extra: Mapping[str, str] | None = None,
        start_timeout: float = START_TIMEOUT,
    ) -> None:
        self.folder = folder
        self.log = folder / "bot.log"
        self.port = _free_port()
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
            "HTTP_PORT": str(self.port),
            "PUBLIC_URL": f"http://127.0.0.1:{self.port}",
            "ALLOW_PRIVATE_ADDRESSES": "true",
            "LOG_FORMAT": "text",
            **(extra or {}),
        }
        self._start_timeout = start_timeout
        self._process: asyncio.subprocess.Process | None = None
        self._log_file: BinaryIO | None = None

    @property
    def pid(self) -> int:
        return self._running().pid

    async def start(self) -> None:
        """Start the bot and return when it serves. Raises BotDiedError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._log_file = self.log.open("ab")
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *self.module,
            cwd=self.folder,  # Not the repository: a real `.env` may lie there.
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=self._log_file,
            stderr=self._log_file,
        )
        await self._until_ready()

    async def kill(self) -> None:
        """SIGKILL: the bot gets no chance to tidy up."""
        self._running().kill()
        await self._wait()

    async def stop(self) -> int:
        """SIGTERM, and its exit code; killed when it does not end in time."""
        if self._process is None:
            return 0
        if self._process.returncode is None:
            self._process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                return await self._wait()
        except TimeoutError:
            self._process.kill()
            return await self._wait()

    async def examine_ledger(self) -> tuple[bool, str]:
        """What `python -m bot doctor --ledger` says of this bot's database: whether it balances, and its words."""
        doctor = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            "doctor",
            "--ledger",
            cwd=self.folder,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await doctor.communicate()
        return doctor.returncode == 0, output.decode().strip()

    async def serves(self, session: aiohttp.ClientSession) -> bool:
        """Whether it has started, as it says itself."""
        try:
            async with session.get(f"http://127.0.0.1:{self.port}/readyz") as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    def log_tail(self, lines: int = 15) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    async def _until_ready(self) -> None:
        process = self._running()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
            try:
                async with asyncio.timeout(self._start_timeout):
                    while process.returncode is None:
                        if await self.serves(session):
                            return
                        # Another process can only be asked again and again.
                        await asyncio.sleep(0.05)
            except TimeoutError as error:
                await self.kill()
                raise BotDiedError(
                    f"the bot was not ready after {self._start_timeout:g} s; its log ends:\n{self.log_tail()}"
                ) from error
        raise BotDiedError(f"the bot ended with code {process.returncode}; its log ends:\n{self.log_tail()}")

    async def _wait(self) -> int:
        code = await self._running().wait()
        if self._log_file is not None:
            self._log_file.close()
            self._log_file = None
        return code

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError("the bot has not been started")
        return self._process


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
