"""The parts of a submission for vendors that take pictures together with the create call."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from bot.domain.jobs import FailureReason
from bot.errors import ProviderRejectedError
from bot.ports import LocalFile, SubmittedValue
from bot.providers.transport import FormFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Texts by field, and files with the field that each goes into; the same field may hold several."""

    fields: Mapping[str, str | list[str]]
    files: list[tuple[str, FormFile]]


def form_of(submitted: Mapping[str, SubmittedValue]) -> Form:
    """The submission as a multipart form; blocking, as it reads the files."""
    fields: dict[str, str | list[str]] = {}
    files: list[tuple[str, FormFile]] = []
    for name, value in submitted.items():
        texts: list[str] = []
        for part in _parts(value):
            if isinstance(part, LocalFile):
                files.append((name, (part.path.name, content_of(part), part.content_type)))
            else:
                texts.append(_text(part))
        if texts:
            fields[name] = texts if isinstance(value, list) else texts[0]
    return Form(fields=fields, files=files)


def data_address(file: LocalFile) -> str:
    """The file as an address that holds all of it; blocking."""
    return f"data:{file.content_type};base64,{base64.b64encode(content_of(file)).decode()}"


def content_of(file: LocalFile) -> bytes:
    """The file's bytes. Raises ProviderRejectedError when it went away since the job was accepted: nothing has left."""
    try:
        return file.path.read_bytes()
    except OSError as error:
        raise ProviderRejectedError(
            FailureReason.IMAGE_GONE, f"the stored picture is gone: {error.strerror}"
        ) from error


def _parts(value: SubmittedValue) -> Iterator[object]:
    if isinstance(value, list):
        parts: Iterable[object] = value
        yield from parts
    else:
        yield value


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
