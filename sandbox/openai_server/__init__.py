"""A local OpenAI Videos API, as it was until 2026-09-24 and as gateways go on serving it."""

from sandbox.openai_server.server import OpenAIServer

__all__ = ["OpenAIServer"]
