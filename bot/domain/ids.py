"""Identifiers as types of their own, so that a channel is never passed where a guild is meant."""

from typing import NewType

# Discord's own ids (snowflakes).
GuildId = NewType("GuildId", int)
ChannelId = NewType("ChannelId", int)
UserId = NewType("UserId", int)
RoleId = NewType("RoleId", int)
MessageId = NewType("MessageId", int)
InteractionId = NewType("InteractionId", int)

# Ours.
JobId = NewType("JobId", int)
GrantId = NewType("GrantId", int)  # an offer of bonus credits by staff
DraftId = NewType("DraftId", int)  # a video that its member is asked about before it is charged
ModelId = NewType("ModelId", str)  # the name of a catalogue file: "seedance-2"
ProviderId = NewType("ProviderId", str)  # the name of an adapter: "kie_jobs"

# The provider's.
TaskId = NewType("TaskId", str)  # opaque, at most 128 characters
