"""What a record of the Interactions API holds: what the model gave out, what it complains of, what it cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

# Video is billed by its tokens: USD 17.50 a million (a reseller's page on the vendor's price), and a credit is USD
# 0.005. A recorded interaction of ten seconds in 720p had 57,920 of them, which fits the price of USD 0.10 a second.
CREDITS_PER_TOKEN = 17.5 / 1_000_000 / 0.005
# A thousand times that is no price of a video.
_MOST_TOKENS = 60_000_000


def _steps(record: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    steps = record.get("steps")
    yield from (step for step in steps if isinstance(step, dict)) if isinstance(steps, list) else ()


def contents(record: Mapping[str, object], kind: str) -> Iterator[Mapping[str, object]]:
    """What the model gave out, of one kind; a video may also stand at the top of the record."""
    if kind == "video" and isinstance(top := record.get("output_video"), dict):
        yield top
    for step in _steps(record):
        content = step.get("content") if step.get("type") == "model_output" else None
        for part in content if isinstance(content, list) else []:
            if isinstance(part, dict) and part.get("type") == kind:
                yield part


def complaints(record: Mapping[str, object]) -> Iterator[str]:
    """The texts of all errors, of the whole and of single steps."""
    errors = record.get("errors")
    faults = [*(errors if isinstance(errors, list) else []), *(step.get("error") for step in _steps(record))]
    yield from (str(fault["message"]) for fault in faults if isinstance(fault, dict) and fault.get("message"))


def cost(record: Mapping[str, object]) -> float | None:
    """The price in our credits; None when the record counts no tokens of video."""
    usage = record.get("usage")
    by_modality = usage.get("output_tokens_by_modality") if isinstance(usage, dict) else None
    for entry in by_modality if isinstance(by_modality, list) else []:
        tokens = entry.get("tokens") if isinstance(entry, dict) and entry.get("modality") == "video" else None
        if isinstance(tokens, int) and not isinstance(tokens, bool) and 0 < tokens < _MOST_TOKENS:
            return tokens * CREDITS_PER_TOKEN
    return None
