"""Plays the product from end to end with the real bot: one video from words, one from a picture, and the accounts."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from sandbox.bot_process import BotDiedError, BotProcess, Connections
from sandbox.discord_server.reading import buttons_of, text_of, videos_of
from sandbox.discord_server.server import DiscordServer
from sandbox.discord_server.world import Message
from sandbox.kie_server import KieServer
from sandbox.movies import MovieSize
from sandbox.observation import Observation
from sandbox.person import Handle, Person
from sandbox.transcript import Transcript

PATIENCE = 60.0  # seconds for anything that the bot should do
RENDERING = 3.0  # seconds that the local provider takes for a video


class TourError(Exception):
    """Something did not happen as the product promises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tour:
    """One performance. `crash` kills the bot while the first video is being made and starts it again."""

    out: Path
    crash: bool
    write: Callable[[str], None]

    async def play(self) -> bool:
        """True when everything was delivered and the ledger balances. The files are in `out` then."""
        self.out.mkdir(parents=True, exist_ok=True)
        async with _stage(self.out) as stage:
            transcript = Transcript(self.write, stage.discord.clock)
            try:
                await _Performance(stage, transcript, self).run()
            except (TourError, TimeoutError, BotDiedError) as error:
                transcript.title("This went wrong")
                transcript.says("", str(error))
                transcript.says("bot's log", stage.bot.log_tail())
                return False
            finally:
                (self.out / "transcript.txt").write_text(transcript.text(), encoding="utf-8")
            return True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """Everything that the play needs, running."""

    discord: DiscordServer
    kie: KieServer
    bot: BotProcess
    member: Person
    moderator: Person


@contextlib.asynccontextmanager
async def _stage(out: Path) -> AsyncIterator[_Stage]:
    folder = Path(tempfile.mkdtemp(prefix="cutscene-tour-"))
    try:
        discord = DiscordServer()
        # Everything that happens can be watched at /_sandbox/state and /_sandbox/events while it plays.
        Observation(discord).install()
        async with discord, KieServer(seconds=RENDERING, movie_size=MovieSize.SCREEN) as kie:
            guild = discord.add_guild("Film Club")
            channel = discord.add_channel(guild, "videos")
            bot = BotProcess(
                Connections.to(discord, kie),
                folder,
            )
            member = Person.joins(discord, guild, "Ada", channel)
            moderator = Person.joins(discord, guild, "Mod", channel, is_moderator=True)
            try:
                yield _Stage(discord=discord, kie=kie, bot=bot, member=member, moderator=moderator)
            finally:
                await bot.stop()
                if bot.log.exists():
                    shutil.copy(bot.log, out / "bot.log")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Performance:
    def __init__(self, stage: _Stage, transcript: Transcript, tour: Tour) -> None:
        self._stage = stage
        self._script = transcript
        self._tour = tour

    async def run(self) -> None:
        script, stage = self._script, self._stage
        script.names |= {person.user.id: person.name for person in (stage.member, stage.moderator)}
        script.names[stage.discord.bot.id] = stage.discord.bot.name
        script.title("The stage")
        script.says("", "A local Discord and a local Kie.ai run on this machine, with the real bot between them.")
        script.says("", 'Server "Film Club", channel #videos; Ada is a member, Mod may manage the server.')
        await stage.bot.start()
        await stage.discord.wait_for_commands("video", timeout=PATIENCE)
        script.says("", "The bot is online and its commands are registered.")
        script.says("", "This provider is faster than the real one, so the times that the bot promises are too long.")

        await self._accounts_before()
        await self._video_from_words()
        await self._video_from_a_picture()
        await self._accounts_after()
        await self._curtain()

    async def _accounts_before(self) -> None:
        self._script.title("What a member may spend")
        await self._asks(self._stage.moderator, "/quota default", credits=600)
        await self._asks(self._stage.member, "/credits balance")

    async def _video_from_words(self) -> None:
        self._script.title("A video from words")
        prompt = "A small sailing boat crosses a calm bay in the morning sun"
        options = {"prompt": prompt, "model": "seedance-2-fast", "duration": 5, "audio": True}
        posted = await self._makes(options, crash=self._tour.crash)
        await self._keep(posted, "1-from-words.mp4")

    async def _video_from_a_picture(self) -> None:
        self._script.title("A video from a picture")
        picture = self._tour.out / "picture.png"
        await asyncio.to_thread(_draw_lighthouse, picture)
        options = {
            "prompt": "The lighthouse wakes up, its beam sweeps over the sea",
            "image": picture,
            "model": "kling-3-0-turbo",
            "duration": 5,
        }
        posted = await self._makes(options)
        await self._keep(posted, "2-from-a-picture.mp4")

    async def _accounts_after(self) -> None:
        self._script.title("What it has cost")
        await self._asks(self._stage.member, "/credits history")
        await self._asks(self._stage.member, "/credits balance")

    async def _curtain(self) -> None:
        script, stage = self._script, self._stage
        is_balanced, words = await stage.bot.examine_ledger()
        script.title("The books")
        script.says("ledger", words)
        tasks = stage.kie.tasks
        posted = [message for message in stage.member.messages() if videos_of(message)]
        script.says("counted", f"2 commands, {len(tasks)} tasks at the provider, {len(posted)} posted videos")
        if not is_balanced:
            raise TourError("the ledger does not balance")
        if len(tasks) != 2 or len(posted) != 2:
            raise TourError("each command must lead to one task and one video")
        code = await stage.bot.stop()
        if code != 0:
            raise TourError(f"the bot ended with code {code}")
        script.says("", "Two videos were asked for, paid, made, posted and accounted for. Everything balances.")

    async def _makes(self, options: dict[str, Any], *, crash: bool = False) -> Message:
        """One `/video` from the command to the posted message."""
        script, stage, member = self._script, self._stage, self._stage.member
        earlier = len(stage.kie.tasks)
        handle = await self._types(member, "/video", **options)
        async with self._following(handle):
            if crash:
                await self._until_submitted(earlier + 1)
                await stage.bot.kill()
                script.says("", "(kill -9: the bot is gone while the video is being made ...)")
                await stage.bot.start()
                script.says("", "(... and started again; it finds its job in the database.)")
            posted = await member.waits_for_video(PATIENCE)
            # The card's last word comes after the post.
            await handle.until(
                lambda shown: str(posted.id) in shown.text(), PATIENCE, "card that says where the video is"
            )
        video = videos_of(posted)[0]
        script.says("posted", text_of(posted))
        script.says("", f"[{video.filename}, {video.size:,} bytes]  buttons: {_buttons(posted)}")
        return posted

    async def _asks(self, person: Person, command: str, **options: Any) -> None:
        handle = await self._types(person, command, **options)
        await handle.answered(PATIENCE)
        self._script.says("only " + person.name if handle.is_ephemeral else "bot", handle.text())

    async def _types(self, person: Person, command: str, **options: Any) -> Handle:
        shown = " ".join(
            f"{name}:{value.name if isinstance(value, Path) else value}" for name, value in options.items()
        )
        self._script.says(person.name, f"{command} {shown}")
        return await person.types(command, **options)

    async def _until_submitted(self, count: int) -> None:
        """Until the provider has that many tasks; it is an HTTP server and tells nobody, so it is looked at."""
        async with asyncio.timeout(PATIENCE):
            while len(self._stage.kie.tasks) < count:
                await asyncio.sleep(0.05)

    @contextlib.asynccontextmanager
    async def _following(self, handle: Handle) -> AsyncIterator[None]:
        """Write down every state of the progress card."""
        task = asyncio.create_task(self._follow(handle))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _follow(self, handle: Handle) -> None:
        shown = ""
        channel = handle.interaction.channel
        with self._stage.discord.changes.listening(handle.interaction.topic, ("channel", channel.id)) as news:
            while True:
                text = handle.text() if handle.is_acknowledged and not handle.is_thinking else ""
                if text and text != shown:
                    shown = text
                    self._script.says("card", text)
                await news.get()

    async def _keep(self, posted: Message, name: str) -> None:
        path = await self._stage.member.saves(videos_of(posted)[0], self._tour.out / name)
        self._script.says("saved", str(path))


def _buttons(message: Message) -> str:
    return " ".join(f"[{button.label}]" for button in buttons_of(message))


def _draw_lighthouse(path: Path) -> None:
    """A small picture to start from."""
    picture = Image.new("RGB", (1280, 720), "#1b2a49")
    draw = ImageDraw.Draw(picture)
    for line in range(440, 720):
        draw.line((0, line, 1280, line), fill=(20, 60 + (line - 440) // 6, 90 + (line - 440) // 5))
    draw.polygon([(820, 720), (980, 470), (1280, 420), (1280, 720)], fill="#2f2a26")
    draw.polygon([(1010, 470), (1030, 200), (1090, 200), (1110, 465)], fill="#efe6d8")
    for stripe in (260, 350):
        draw.polygon(
            [(1026 - stripe // 60, stripe), (1094, stripe), (1098, stripe + 45), (1020, stripe + 45)], fill="#c8402f"
        )
    draw.rectangle((1028, 160, 1092, 200), fill="#ffd66b")
    draw.polygon([(1020, 160), (1060, 120), (1100, 160)], fill="#c8402f")
    draw.polygon([(1030, 180), (0, 60), (0, 260)], fill="#3a4a63")
    for x, y in ((120, 90), (300, 140), (520, 70), (700, 130), (880, 60)):
        draw.ellipse((x, y, x + 4, y + 4), fill="#f5f3e6")
    picture.save(path)
