"""A person at a Discord client: types commands, clicks, waits and reads, and does only what the client would allow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import aiohttp

from sandbox.discord_server.composing import Composer, File, NotOfferedError
from sandbox.discord_server.contents import known_type
from sandbox.discord_server.exchanges import Answer, Interaction, Kind
from sandbox.discord_server.modals import submission, uploaded
from sandbox.discord_server.permissions import Permission
from sandbox.discord_server.reading import Button, buttons_of, selects_of, summary_of, text_of, videos_of
from sandbox.discord_server.server import DiscordServer
from sandbox.discord_server.wire import JSON
from sandbox.discord_server.world import Attachment, Channel, Guild, Member, Message, Role, User, permissions_in

PATIENCE = 30.0  # seconds; a test that waits longer says so
SHOWN_MESSAGES = 8
LINK, PREMIUM = 5, 6

Predicate = Callable[[Message], object]


@dataclass(frozen=True, slots=True)
class Choice:
    """One autocomplete suggestion."""

    name: str
    value: str | int | float


class Handle:
    """What the person sees of one of their interactions, always as it is now."""

    def __init__(self, person: Person, interaction: Interaction) -> None:
        self.person = person
        self.interaction = interaction

    @property
    def is_acknowledged(self) -> bool:
        return self.interaction.answer is not None

    @property
    def deferred(self) -> bool:
        """Whether the first answer was "thinking"."""
        return self.interaction.answer is Answer.DEFERRED_MESSAGE

    @property
    def is_thinking(self) -> bool:
        return self.message is not None and self.message.is_loading

    @property
    def is_updating(self) -> bool:
        """Whether the bot has only promised to change the message that was acted on."""
        now, answered_at = self.interaction, self.interaction.answered_at
        if now.answer is not Answer.DEFERRED_UPDATE or self.followups or now.original is None or answered_at is None:
            return False
        changed_at = now.original.edited_at
        return changed_at is None or changed_at < answered_at

    @property
    def message(self) -> Message | None:
        """The original answer as it stands; None before there is one and after its deletion."""
        original = self.interaction.original
        return None if original is None or original.is_deleted else original

    @property
    def followups(self) -> list[Message]:
        return [each for each in self.interaction.followups if not each.is_deleted]

    @property
    def is_ephemeral(self) -> bool:
        return self.message is not None and self.message.is_ephemeral

    @property
    def modal(self) -> JSON | None:
        return self.interaction.modal

    @property
    def buttons(self) -> list[Button]:
        return buttons_of(self.message) if self.message else []

    def text(self) -> str:
        """All text the answers show, the original first."""
        shown = ([self.message] if self.message else []) + self.followups
        return "\n".join(text_of(each) for each in shown)

    async def acknowledged(self, timeout: float = PATIENCE) -> Handle:
        """Wait for the first sign of the bot, "thinking" included."""
        return await self.until(lambda handle: handle.is_acknowledged, timeout, "an acknowledgement")

    async def answered(self, timeout: float = PATIENCE) -> Handle:
        """Wait for an answer one can read: a message that is no longer "thinking", a modal, suggestions."""
        return await self.until(lambda handle: handle.is_acknowledged and not handle.is_thinking, timeout, "an answer")

    async def until(
        self, predicate: Callable[[Handle], object], timeout: float = PATIENCE, wanted: str = "a change"
    ) -> Handle:
        """Wait until *predicate* holds for this handle, looking now and after each change."""
        changes, channel = self.person.server.changes, self.interaction.channel
        try:
            await changes.until(lambda: bool(predicate(self)), timeout, self.interaction.topic, ("channel", channel.id))
        except TimeoutError as error:
            raise TimeoutError(f"waited for {wanted} in vain, {timeout:g} s; {self._state()}") from error
        return self

    def _state(self) -> str:
        interaction = self.interaction
        what = f"interaction {interaction.id} of {interaction.user.name}"
        if not interaction.told_sessions:
            return f"{what} reached nobody: no bot was connected"
        if not self.is_acknowledged:
            return f"{what} was not acknowledged; {self.person.view_of(interaction.channel)}"
        return f"{what} shows: {self.text() or 'nothing'!r}; {self.person.view_of(interaction.channel)}"


class Person:
    """A member of a guild at their client, in one channel unless a call names another."""

    def __init__(self, server: DiscordServer, member: Member, channel: Channel) -> None:
        self.server = server
        self.member = member
        self.channel = channel
        self._found: set[int] = set()  # messages an earlier wait has returned

    @classmethod
    def joins(cls, server: DiscordServer, guild: Guild, name: str, channel: Channel, **traits: Any) -> Person:
        """A new member in *channel*; *traits* as for `server.add_member`."""
        return cls(server, server.add_member(guild, name, **traits), channel)

    @property
    def user(self) -> User:
        return self.member.user

    @property
    def name(self) -> str:
        return self.user.name

    @property
    def direct_messages(self) -> Channel:
        """Their direct channel with the bot."""
        return self.server.direct_channel(self.user)

    # Acting.

    async def types(
        self, command: str, /, channel: Channel | None = None, force: bool = False, **options: Any
    ) -> Handle:
        """Send a slash command such as "/jobs list"; files are a Path, bytes or an Attachment.

        Raises NotOfferedError for what the client would not let them send; `force` skips only the check of who may see
        the command. An option named like one of this method's own arguments is written with an underscore: `channel_=`.
        """
        where = self._where(channel)
        composer = Composer(self.server.world, self.user, where, force)
        given = {_option(name): self._upload(value, where, composer) for name, value in options.items()}
        composed = composer.slash(command, given)
        return self._start(Kind.COMMAND, where, composed.data)

    async def suggestions(
        self,
        command: str,
        option: str,
        /,
        typed: str = "",
        channel: Channel | None = None,
        timeout: float = PATIENCE,
        **options: Any,
    ) -> list[Choice]:
        """What autocomplete offers for *option* while *typed* stands in it and *options* are filled in."""
        where = self._where(channel)
        composed = Composer(self.server.world, self.user, where).slash(
            command, {**{_option(name): value for name, value in options.items()}, option: typed}, focused=option
        )
        interaction = self.server.interactions.start(
            Kind.AUTOCOMPLETE, self.user, where, composed.data, option_type=composed.focused_type
        )
        await Handle(self, interaction).acknowledged(timeout)
        return [Choice(each["name"], each["value"]) for each in interaction.choices or []]

    async def clicks(self, target: Message | Handle, button: str) -> Handle:
        """Click a button by its label or custom id."""
        message = self._seen(target)
        found = next((each for each in buttons_of(message) if button in (each.label, each.custom_id)), None)
        if found is None:
            offered = ", ".join(each.label for each in buttons_of(message)) or "none"
            raise NotOfferedError(f"no button {button!r} on that message; there are: {offered}")
        if found.is_disabled:
            raise NotOfferedError(f"the button {found.label!r} is disabled")
        if found.style in (LINK, PREMIUM) or found.custom_id is None:
            raise NotOfferedError(f"the button {found.label!r} opens something and sends no interaction")
        data = {"custom_id": found.custom_id, "component_type": 2, "id": found.component_id}
        return self._start(Kind.COMPONENT, message.channel, data, source=message)

    async def chooses(
        self, target: Message | Handle, select: str, *values: str | Role | Channel | Member | User
    ) -> Handle:
        """Choose in a select menu, named by its custom id or placeholder.

        Values or labels of its options; for a menu that Discord fills itself the roles, channels or people.
        """
        message = self._seen(target)
        found = next((s for s in selects_of(message) if select in (s["custom_id"], s.get("placeholder"))), None)
        if found is None:
            raise NotOfferedError(f"no select menu {select!r} on that message")
        if found.get("disabled"):
            raise NotOfferedError(f"the select menu {select!r} is disabled")
        composer = Composer(self.server.world, self.user, message.channel)
        chosen, resolved = composer.choice(found, values)
        data = {"custom_id": found["custom_id"], "component_type": found["type"], "id": found["id"], "values": chosen}
        if resolved:
            data["resolved"] = resolved
        return self._start(Kind.COMPONENT, message.channel, data, source=message)

    async def submits(self, handle: Handle, **values: Any) -> Handle:
        """Send the modal that *handle* has opened; fields by custom id or label, the others as they are shown."""
        modal, opened_by = handle.modal, handle.interaction
        if modal is None:
            raise NotOfferedError("that interaction has opened no modal")
        composer = Composer(self.server.world, self.user, opened_by.channel)
        values = {name: self._upload(value, opened_by.channel, composer) for name, value in values.items()}
        data: JSON = {"custom_id": modal["custom_id"], "components": submission(modal, values)}
        files = uploaded(values)
        if files:
            shown = {str(each.id): self.server.cdn.payload(each) for each in files}
            data["resolved"] = {"attachments": shown}
        return self._start(Kind.MODAL, opened_by.channel, data, source=opened_by.source)

    async def uses_menu(self, name: str, target: Message | Handle | Member, *, force: bool = False) -> Handle:
        """Choose an app's entry in the context menu of a message or a member."""
        if isinstance(target, Member):
            composer = Composer(self.server.world, self.user, self.channel, force)
            resolved = composer.resolved_member(target)
            return self._start(Kind.COMMAND, self.channel, composer.menu(name, target.id, 2, resolved).data)
        message = self._seen(target)
        composer = Composer(self.server.world, self.user, message.channel, force)
        shown = self.server.messages.renderer.message(message)
        composed = composer.menu(name, message.id, 3, {"messages": {str(message.id): shown}})
        return self._start(Kind.COMMAND, message.channel, composed.data)

    async def says(self, content: str = "", *files: File, channel: Channel | None = None) -> Message:
        """Post an ordinary message."""
        where = self._where(channel)
        attachments = [self._attachment(file, where, is_ephemeral=False) for file in files]
        return self.server.messages.says(self.user, where, content, attachments)

    # Seeing.

    def sees(self, message: Message) -> bool:
        may = permissions_in(self.user, message.channel)
        return Permission.VIEW_CHANNEL in may and message.visible_to in (None, self.user)

    def messages(self, channel: Channel | None = None) -> list[Message]:
        """What they see in the channel, oldest first."""
        return [each for each in (channel or self.channel).messages.values() if self.sees(each)]

    async def waits_for_message(
        self, predicate: Predicate = lambda _: True, timeout: float = PATIENCE, channel: Channel | None = None
    ) -> Message:
        """The oldest message by the bot that fits and that no earlier wait of this person has returned.

        So a message that came before the wait began is found too, and two waits find two messages.
        """
        where = channel or self.channel
        with self.server.changes.listening(("channel", where.id)) as news:
            found = next((each for each in self.messages(where) if self._fits(each, predicate)), None)
            try:
                async with asyncio.timeout(timeout):
                    while found is None:
                        changed = (await news.get()).subject
                        if isinstance(changed, Message) and self._fits(changed, predicate):
                            found = changed
            except TimeoutError as error:
                text = f"{self.name} waited {timeout:g} s in vain; {self.view_of(where)}"
                raise TimeoutError(text) from error
        self._found.add(found.id)
        return found

    async def waits_for_video(self, timeout: float = PATIENCE, channel: Channel | None = None) -> Message:
        """The next message that mentions them and carries a video."""
        return await self.waits_for_message(
            lambda message: self.user in message.mentions and bool(videos_of(message)), timeout, channel
        )

    async def saves(self, attachment: Attachment, path: Path) -> Path:
        """Download over HTTP from the CDN, as a click on the file does."""
        async with aiohttp.ClientSession() as session, session.get(self.server.cdn.url(attachment)) as response:
            response.raise_for_status()
            with _opened(path) as file:
                async for chunk in response.content.iter_chunked(1 << 17):
                    file.write(chunk)
        return path

    def view_of(self, channel: Channel) -> str:
        """The latest messages they see, for error texts."""
        latest = [summary_of(each) for each in self.messages(channel)[-SHOWN_MESSAGES:]]
        name = f"#{channel.name}" if channel.guild else "the direct messages"
        return f"{name} shows " + ("\n  ".join(["", *latest]) if latest else "nothing")

    def _fits(self, message: Message, predicate: Predicate) -> bool:
        is_candidate = message.author is self.server.bot and message.id not in self._found and not message.is_deleted
        return is_candidate and self.sees(message) and bool(predicate(message))

    def _where(self, channel: Channel | None) -> Channel:
        where = channel or self.channel
        if Permission.VIEW_CHANNEL not in permissions_in(self.user, where):
            raise NotOfferedError(f"{self.name} does not see #{where.name}")
        return where

    def _seen(self, target: Message | Handle) -> Message:
        message = target.message if isinstance(target, Handle) else target
        if message is None or message.is_deleted or not self.sees(message):
            raise NotOfferedError(f"{self.name} does not see that message")
        return message

    def _start(self, kind: Kind, channel: Channel, data: JSON, source: Message | None = None) -> Handle:
        return Handle(self, self.server.interactions.start(kind, self.user, channel, data, source=source))

    def _upload(self, value: Any, channel: Channel, composer: Composer) -> Any:
        if isinstance(value, Path | bytes | Attachment):
            value = self._attachment(value, channel, is_ephemeral=True)
            composer.attach(value, self.server.cdn.payload(value))
        return value

    def _attachment(self, file: File, channel: Channel, *, is_ephemeral: bool) -> Attachment:
        if isinstance(file, Attachment):
            return file
        filename = file.name if isinstance(file, Path) else f"upload.{_extension(file)}"
        return self.server.add_attachment(file, filename, channel, is_ephemeral=is_ephemeral)


def _option(keyword: str) -> str:
    return keyword.removesuffix("_")


def _extension(content: bytes) -> str:
    content_type = known_type(content)
    return content_type.split("/")[1].replace("quicktime", "mov") if content_type else "bin"


def _opened(path: Path) -> BinaryIO:
    return path.open("wb")
