"""Interactions from both sides: what a member's action sends to the bot, and what the bot may answer until when."""

from __future__ import annotations

import secrets
from datetime import timedelta

from sandbox.discord_server import errors, payloads
from sandbox.discord_server.changes import Changes
from sandbox.discord_server.clock import Clock
from sandbox.discord_server.exchanges import ALLOWED, OF_A_COMPONENT, Answer, Interaction, Kind
from sandbox.discord_server.forms import refuse
from sandbox.discord_server.gateway import Gateway
from sandbox.discord_server.messages import Messages, Origin
from sandbox.discord_server.rules import messages as rules
from sandbox.discord_server.rules.answers import check_choices, check_modal
from sandbox.discord_server.snowflakes import Snowflakes
from sandbox.discord_server.uploads import Body
from sandbox.discord_server.wire import JSON
from sandbox.discord_server.world import (
    DEFAULT_UPLOAD_LIMIT,
    Channel,
    Message,
    MessageFlag,
    MessageKind,
    User,
    World,
    permissions_in,
)

# https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-response
ACKNOWLEDGE_WITHIN = timedelta(seconds=3)
TOKEN_LIFE = timedelta(minutes=15)

__all__ = ["Answer", "Interaction", "Interactions", "Kind"]

SETTABLE = rules.SETTABLE | MessageFlag.EPHEMERAL


class Interactions:
    """Topic of an interaction's news in Changes: ("interaction", id)."""

    def __init__(
        self,
        world: World,
        messages: Messages,
        gateway: Gateway,
        changes: Changes,
        snowflakes: Snowflakes,
        clock: Clock,
    ) -> None:
        self._world = world
        self._messages = messages
        self._gateway = gateway
        self._changes = changes
        self._snowflakes = snowflakes
        self._clock = clock
        self.by_id: dict[int, Interaction] = {}
        self.by_token: dict[str, Interaction] = {}
        self.acknowledge_within = ACKNOWLEDGE_WITHIN
        # The gateway may deliver an event twice; this many of the next interactions are.
        self.deliver_twice = 0

    # From the member.

    def start(
        self,
        kind: Kind,
        user: User,
        channel: Channel,
        data: JSON,
        *,
        source: Message | None = None,
        option_type: int = 3,
    ) -> Interaction:
        guild = channel.guild
        interaction = Interaction(
            id=self._snowflakes(),
            token=secrets.token_urlsafe(48),
            kind=kind,
            user=user,
            channel=channel,
            made_at=self._clock(),
            size_limit=max(user.upload_limit, guild.upload_limit if guild else DEFAULT_UPLOAD_LIMIT),
            source=source,
            option_type=option_type,
        )
        interaction.payload = self._payload(interaction, data)
        self.by_id[interaction.id] = interaction
        self.by_token[interaction.token] = interaction
        times = 2 if self.deliver_twice else 1
        self.deliver_twice = max(0, self.deliver_twice - 1)
        for _ in range(times):
            self.deliver(interaction)
        return interaction

    def deliver(self, interaction: Interaction) -> None:
        """Send the event; a second time sends the same event again, as the gateway may."""
        guild = interaction.channel.guild
        interaction.told_sessions += self._gateway.dispatch(
            "INTERACTION_CREATE", interaction.payload, guild_id=guild.id if guild else None
        )
        self._changes.publish("INTERACTION_CREATE", interaction, interaction.topic)

    def _payload(self, interaction: Interaction, data: JSON) -> JSON:
        user, channel, guild = interaction.user, interaction.channel, interaction.channel.guild
        application_id = self._world.application.id
        owns = [
            payloads.entitlement(each, application_id)
            for each in self._world.entitlements.values()
            if not each.is_deleted and (each.user is user or (guild and each.guild is guild))
        ]
        payload: JSON = {
            "id": str(interaction.id),
            "application_id": str(application_id),
            "type": int(interaction.kind),
            "token": interaction.token,
            "version": 1,
            "data": data,
            "channel_id": str(channel.id),
            "channel": payloads.channel_for(channel, user),
            "app_permissions": str(int(permissions_in(self._world.bot, channel))),
            "attachment_size_limit": interaction.size_limit,
            "locale": user.locale,
            "entitlements": owns,
            "entitlement_sku_ids": [],
            "authorizing_integration_owners": {"0": str(guild.id) if guild else "0"},
            "context": 0 if guild else 1,
        }
        if guild:
            payload["guild_id"] = str(guild.id)
            payload["guild_locale"] = guild.locale
            payload["guild"] = {"id": str(guild.id), "locale": guild.locale, "features": []}
            payload["member"] = payloads.member_in(guild.members[user.id], channel)
        else:
            payload["user"] = payloads.user(user)
        if interaction.source:
            payload["message"] = self._messages.renderer.message(interaction.source)
        return payload

    # From the bot: the first answer.

    def respond(self, interaction_id: int, token: str, body: Body) -> Interaction:
        interaction = self.by_id.get(interaction_id)
        if interaction is None or not secrets.compare_digest(interaction.token, token):
            raise errors.unknown_interaction()
        if interaction.answer is not None:
            raise errors.already_acknowledged()
        if self._clock() - interaction.made_at > self.acknowledge_within:
            raise errors.unknown_interaction()
        callback = rules.checked_object(body.json)
        answer = self._answer_type(interaction, callback.get("type"))
        data = rules.checked_object(callback.get("data"))
        match answer:
            case Answer.MESSAGE:
                interaction.original = self._create(interaction, Body(data, body.files))
            case Answer.DEFERRED_MESSAGE:
                interaction.original = self._thinking(interaction, data)
            case Answer.DEFERRED_UPDATE:
                interaction.original = interaction.source
            case Answer.UPDATE:
                interaction.original = self._update_source(interaction, Body(data, body.files))
            case Answer.CHOICES:
                interaction.choices = check_choices(data.get("choices"), interaction.option_type)
            case Answer.MODAL:
                check_modal(data)
                interaction.modal = data
        body.files.clear()
        interaction.answer, interaction.answered_at = answer, self._clock()
        self._changes.publish("INTERACTION_ANSWER", interaction, interaction.topic)
        return interaction

    def _answer_type(self, interaction: Interaction, value: object) -> Answer:
        allowed = ALLOWED[interaction.kind]
        if interaction.kind is Kind.MODAL and interaction.source is None:
            allowed = allowed - OF_A_COMPONENT
        if isinstance(value, bool) or not isinstance(value, int) or value not in allowed:
            listed = ", ".join(str(int(each)) for each in sorted(allowed))
            raise refuse(("type",), "BASE_TYPE_CHOICES", f"Value must be one of {{{listed}}}.")
        return Answer(value)

    def _create(self, interaction: Interaction, body: Body) -> Message:
        flags = rules.checked_flags(rules.checked_object(body.json))
        return self._messages.create(
            interaction.channel,
            self._world.bot,
            body,
            self._origin(interaction, is_ephemeral=MessageFlag.EPHEMERAL in flags),
        )

    def _origin(self, interaction: Interaction, *, is_ephemeral: bool) -> Origin:
        kinds = {1: MessageKind.CHAT_INPUT_COMMAND, 2: MessageKind.CONTEXT_MENU_COMMAND}
        kinds[3] = MessageKind.CONTEXT_MENU_COMMAND
        of_command = interaction.kind is Kind.COMMAND
        return Origin(
            limit=interaction.size_limit,
            kind=kinds[interaction.payload["data"]["type"]] if of_command else MessageKind.DEFAULT,
            settable_flags=SETTABLE,
            visible_to=interaction.user if is_ephemeral else None,
            interaction_metadata=self._metadata(interaction),
        )

    def _metadata(self, interaction: Interaction) -> JSON:
        metadata: JSON = {
            "id": str(interaction.id),
            "type": int(interaction.kind),
            "user": payloads.user(interaction.user),
            "authorizing_integration_owners": interaction.payload["authorizing_integration_owners"],
        }
        if interaction.kind is Kind.COMMAND:
            metadata["name"] = interaction.payload["data"]["name"]
        elif interaction.source:
            metadata["interacted_message_id"] = str(interaction.source.id)
        if interaction.kind is Kind.MODAL:
            metadata["triggering_interaction_metadata"] = {
                "id": str(interaction.id),
                "type": int(Kind.COMPONENT if interaction.source else Kind.COMMAND),
                "user": payloads.user(interaction.user),
                "authorizing_integration_owners": interaction.payload["authorizing_integration_owners"],
            }
            if interaction.source:
                metadata["triggering_interaction_metadata"]["interacted_message_id"] = str(interaction.source.id)
        return metadata

    def _thinking(self, interaction: Interaction, data: JSON) -> Message:
        # A deferred message carries no flag but EPHEMERAL, and keeps that one for good.
        is_ephemeral = MessageFlag.EPHEMERAL in rules.checked_flags(data)
        origin = self._origin(interaction, is_ephemeral=is_ephemeral)
        flags = MessageFlag.LOADING | (MessageFlag.EPHEMERAL if is_ephemeral else MessageFlag(0))
        message = Message(
            id=self._snowflakes(),
            channel=interaction.channel,
            author=self._world.bot,
            made_at=self._clock(),
            kind=origin.kind,
            flags=flags,
            visible_to=origin.visible_to,
            interaction_metadata=origin.interaction_metadata,
            application_id=self._world.application.id,
        )
        self._messages.store(message)
        return message

    def _update_source(self, interaction: Interaction, body: Body) -> Message | None:
        if interaction.source is None or interaction.source.is_deleted:
            raise errors.unknown_message()
        return self._messages.edit(interaction.source, body, interaction.size_limit)

    def callback_response(self, interaction: Interaction) -> JSON:
        """What a callback with with_response=true is answered with."""
        original = interaction.original
        shown: JSON = {"id": str(interaction.id), "type": int(interaction.kind)}
        if original:
            shown |= {
                "response_message_id": str(original.id),
                "response_message_loading": original.is_loading,
                "response_message_ephemeral": original.is_ephemeral,
                "channel_id": str(interaction.channel.id),
            }
            if interaction.channel.guild:
                shown["guild_id"] = str(interaction.channel.guild.id)
        response: JSON = {"interaction": shown}
        # A "thinking" message is told as the message it becomes; the other kinds make no resource.
        made = {Answer.MESSAGE: 4, Answer.DEFERRED_MESSAGE: 4, Answer.UPDATE: 7}
        if original and interaction.answer in made:
            message = self._messages.renderer.message(original)
            response["resource"] = {"type": made[interaction.answer], "message": message}
        return response

    # From the bot: everything after the first answer.

    def find(self, application_id: int, token: str) -> Interaction:
        """The interaction a webhook token stands for, while it may be used."""
        interaction = self.by_token.get(token)
        if interaction is None or application_id != self._world.application.id:
            raise errors.unknown_webhook()
        if self._clock() - interaction.made_at > TOKEN_LIFE:
            raise errors.invalid_token()
        if interaction.answer is None:
            raise errors.unknown_webhook()
        if interaction.channel.id not in self._world.channels:
            raise errors.unknown_channel()
        return interaction

    def message(self, interaction: Interaction, reference: str) -> Message:
        """`@original` or the id of any message of this interaction."""
        if reference == "@original":
            found = interaction.original
        else:
            found = next((each for each in interaction.messages if str(each.id) == reference), None)
        if found is None or found.is_deleted:
            raise errors.unknown_message()
        return found

    def edit(self, interaction: Interaction, reference: str, body: Body) -> Message:
        message = self._messages.edit(self.message(interaction, reference), body, interaction.size_limit)
        self._changes.publish("INTERACTION_ANSWER", interaction, interaction.topic)
        return message

    def delete(self, interaction: Interaction, reference: str) -> None:
        self._messages.delete(self.message(interaction, reference))
        self._changes.publish("INTERACTION_ANSWER", interaction, interaction.topic)

    def follow_up(self, interaction: Interaction, body: Body) -> Message:
        original = interaction.original
        if (
            interaction.answer is Answer.DEFERRED_MESSAGE
            and original
            and original.is_loading
            and not original.is_deleted
        ):
            # Deprecated but real: the first follow-up after "thinking" becomes the original.
            return self.edit(interaction, "@original", body)
        message = self._create(interaction, body)
        interaction.followups.append(message)
        self._changes.publish("INTERACTION_ANSWER", interaction, interaction.topic)
        return message
