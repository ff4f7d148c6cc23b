"""One interaction as a record: what a member did and what the bot has answered, and which answers fit which action."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from sandbox.discord_server.wire import JSON
from sandbox.discord_server.world import Channel, Message, User


class Kind(IntEnum):
    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL = 5


class Answer(IntEnum):
    MESSAGE = 4
    DEFERRED_MESSAGE = 5
    DEFERRED_UPDATE = 6
    UPDATE = 7
    CHOICES = 8
    MODAL = 9


ALLOWED = {
    Kind.COMMAND: {Answer.MESSAGE, Answer.DEFERRED_MESSAGE, Answer.MODAL},
    Kind.COMPONENT: {
        Answer.MESSAGE,
        Answer.DEFERRED_MESSAGE,
        Answer.DEFERRED_UPDATE,
        Answer.UPDATE,
        Answer.MODAL,
    },
    Kind.AUTOCOMPLETE: {Answer.CHOICES},
    Kind.MODAL: {Answer.MESSAGE, Answer.DEFERRED_MESSAGE, Answer.DEFERRED_UPDATE, Answer.UPDATE},
}
OF_A_COMPONENT = {Answer.DEFERRED_UPDATE, Answer.UPDATE}


@dataclass(slots=True, eq=False)
class Interaction:
    """One action of a member and everything the bot has answered to it."""

    id: int
    token: str
    kind: Kind
    user: User
    channel: Channel
    made_at: datetime
    size_limit: int
    payload: JSON = field(default_factory=dict)
    source: Message | None = None  # the message whose button was clicked
    option_type: int = 3  # of the option that is being completed
    told_sessions: int = 0
    answer: Answer | None = None
    answered_at: datetime | None = None
    original: Message | None = None
    followups: list[Message] = field(default_factory=list)
    choices: list[JSON] | None = None
    modal: JSON | None = None

    @property
    def topic(self) -> tuple[str, int]:
        return ("interaction", self.id)

    @property
    def messages(self) -> list[Message]:
        return ([self.original] if self.original else []) + self.followups
