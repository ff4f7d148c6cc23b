"""The models that this Replicate runs: each has its own input and its own shape of output."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """`inputs` names each field and its type; all but the prompt may be left out."""

    owner: str
    name: str
    inputs: Mapping[str, type] = field(default_factory=lambda: dict(_USUAL))
    is_list: bool = False  # its output is a list of addresses and not one
    is_official: bool = True  # runs without naming a version

    @property
    def slug(self) -> str:
        return f"{self.owner}/{self.name}"

    @property
    def version(self) -> str:
        return hashlib.sha256(self.slug.encode()).hexdigest()

    def faults(self, given: Mapping[str, object]) -> list[tuple[str, str]]:
        """What is wrong with an input, by field. Fields that the model does not have are let through."""
        wrong = [] if given.get("prompt") else [("prompt", "prompt is required")]
        for name, value in given.items():
            kind = self.inputs.get(name)
            if kind is not None and (not isinstance(value, kind) or isinstance(value, bool) is not (kind is bool)):
                wrong.append((name, f"Invalid type. Expected: {kind.__name__}, given: {type(value).__name__}"))
        return wrong


_USUAL: Mapping[str, type] = {
    "prompt": str,
    "image": str,
    "last_image": str,
    "duration": int,
    "aspect_ratio": str,
    "resolution": str,
    "seed": int,
}

# Invented, because what the real ones take is in no source that was read.
MODELS = (
    Model(owner="acme", name="clip"),
    Model(owner="acme", name="reel", is_list=True),
    Model(owner="acme", name="community", is_official=False),
)
