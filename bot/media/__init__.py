"""Pictures in and videos down: the only place that opens addresses and files which strangers chose."""

from bot.media.charts import Charts
from bot.media.clips import Clips
from bot.media.downloads import VideoDownloads, remove_leftovers
from bot.media.pictures import Pictures
from bot.media.reencoding import Reencoder

__all__ = ["Charts", "Clips", "Pictures", "Reencoder", "VideoDownloads", "remove_leftovers"]
