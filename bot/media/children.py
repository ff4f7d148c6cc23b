"""What the processes are given that open strangers' files: nothing that they could give away."""

from __future__ import annotations

import os

# Of our environment, where the secrets are, a child only gets what a Python may need to find its libraries.
PASSED_ON = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")


def bare_environment() -> dict[str, str]:
    # glibc reserves address space for each thread that allocates; the limit should go to pictures.
    return {"MALLOC_ARENA_MAX": "2", **{name: os.environ[name] for name in PASSED_ON if name in os.environ}}
