"""A local Gemini API: Veo by long-running operations, Gemini Omni by interactions, and the files of both."""

from sandbox.google_server.server import GoogleServer

__all__ = ["GoogleServer"]
