"""A local Hugging Face: the hub's word on who runs a model, and the router to the queue of fal."""

from sandbox.huggingface_server.server import HuggingFaceServer, Routed

__all__ = ["HuggingFaceServer", "Routed"]
