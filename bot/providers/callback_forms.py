"""Where each vendor's callbacks name their task, for the server that receives them without knowing any adapter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import SecretStr

from bot.signatures import CallbackForm, KieSignature, StandardSignature


def kie(key: SecretStr | None) -> CallbackForm:
    return CallbackForm(task_ids=_kie_task_ids, signature=KieSignature(key.get_secret_value()) if key else None)


def _kie_task_ids(body: Mapping[str, object]) -> Iterator[object]:
    """Most of Kie's products write it in `data.taskId`, Runway in snake case, old ones at the top."""
    inner = body.get("data")
    if isinstance(inner, dict):
        yield inner.get("taskId")
        yield inner.get("task_id")
    yield body.get("taskId")


def standard(key: SecretStr | None) -> CallbackForm:
    """The Standard Webhooks scheme, as OpenAI (an event with the task under `data`) and Replicate (the task) use it."""
    signature = StandardSignature(key.get_secret_value()) if key else None
    return CallbackForm(task_ids=_standard_task_ids, signature=signature)


def _standard_task_ids(body: Mapping[str, object]) -> Iterator[object]:
    inner = body.get("data")
    # An event's own id stands where a task's does, so what is inside counts first.
    yield inner.get("id") if isinstance(inner, dict) else body.get("id")
