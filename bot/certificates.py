"""The certificates that our HTTPS clients trust, read once: reading them takes longer than the rest of a client."""

from __future__ import annotations

import os
import ssl
from functools import cache

import certifi


@cache
def trusted() -> ssl.SSLContext:
    """One context for every client; none of them changes it."""
    # A host behind an inspecting proxy names its own authority in the usual variable.
    return ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE") or certifi.where())
