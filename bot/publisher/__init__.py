"""Shows things on Discord: posts and cards of jobs, and what staff and host are told."""

from bot.publisher.posts import DiscordPublisher
from bot.publisher.staff_room import DiscordStaffRoom

__all__ = ["DiscordPublisher", "DiscordStaffRoom"]
