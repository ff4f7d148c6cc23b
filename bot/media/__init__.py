"""Pictures in and videos down: the only place that opens addresses and files which strangers chose."""

from bot.media.downloads import VideoDownloads, remove_leftovers
from bot.media.pictures import Pictures

__all__ = ["Pictures", "VideoDownloads", "remove_leftovers"]
