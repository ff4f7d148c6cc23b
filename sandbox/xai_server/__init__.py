"""A local xAI video API: `/v1/videos/generations` makes a request, `/v1/videos/<id>` tells of it."""

from sandbox.xai_server.server import XAIServer

__all__ = ["XAIServer"]
