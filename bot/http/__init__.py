"""The bot's own small HTTP server: health and metrics for the host, provider callbacks, signed links to videos."""

from bot.http.callbacks import LARGEST_BODY, CallbackReceiver
from bot.http.patience import Patience
from bot.http.server import HTTPServer
from bot.http.videos import VideoFiles

__all__ = ["LARGEST_BODY", "CallbackReceiver", "HTTPServer", "Patience", "VideoFiles"]
