"""A local Replicate: predictions, signed webhooks, and results that are gone after an hour."""

from sandbox.replicate_server.models import Model
from sandbox.replicate_server.server import ReplicateServer

__all__ = ["Model", "ReplicateServer"]
