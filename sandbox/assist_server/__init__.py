"""A local chat endpoint for the prompt assistant, in OpenAI's shape and in Kie's."""

from sandbox.assist_server.server import AssistServer, Reply

__all__ = ["AssistServer", "Reply"]
