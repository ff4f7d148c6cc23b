"""Reads the catalogue's folders, so that a wrong file costs the host one clear line and never the other models."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from bot.catalogue.building import build
from bot.catalogue.lines import key_lines, line_of
from bot.catalogue.problems import CatalogueProblem, Fault
from bot.catalogue.schema import FileShape, read_shape
from bot.domain.ids import ModelId
from bot.domain.models import Catalogue, ModelState, VideoModel, spelling

OWN_FOLDER = Path(__file__).parent

_MODEL_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,49}")
_STATES = (ModelState.LIVE, ModelState.PAUSED, ModelState.RETIRED)


class Loaded(NamedTuple):
    """What could be read, and what could not."""

    catalogue: Catalogue
    problems: list[CatalogueProblem]


@dataclass(frozen=True, slots=True)
class _File:
    """One file that is right in itself."""

    path: Path
    folder: int  # 0 is our own; a later folder overrides an earlier one
    order: int | None
    model: VideoModel
    text: str
    names: frozenset[str]  # as members may spell them
    slugs: frozenset[str]

    def problem(self, fault: Fault) -> CatalogueProblem:
        return _problem_at(self.path, self.text, fault)


def load(*folders: Path) -> Loaded:
    """Our own models, and then those of the host's *folders*, which add to them or replace them by file name."""
    return load_folders(OWN_FOLDER, *folders)


def load_folders(*folders: Path) -> Loaded:
    """The models of exactly these folders. A folder that does not exist is empty."""
    problems: list[CatalogueProblem] = []
    files: dict[ModelId, list[_File]] = {}
    for number, folder in enumerate(folders):
        for path in sorted(folder.glob("*.toml")):
            file = _read(path, number)
            if isinstance(file, _File):
                files.setdefault(file.model.id, []).append(file)
            else:
                problems += file
    # A file that contradicts other files is taken out, and what it replaced comes back; that may in turn be
    # what a third file relied on, so look again until nothing is wrong.
    while True:
        used = sorted((versions[-1] for versions in files.values()), key=lambda file: (file.folder, file.path.name))
        by_id = {file.model.id: file.model for file in used}
        wrong = [
            (file, fault) for place, file in enumerate(used) for fault in _contradictions(file, used[:place], by_id.get)
        ]
        if not wrong:
            return Loaded(_catalogue(used), sorted(problems, key=lambda problem: (problem.file, problem.line)))
        problems += [file.problem(fault) for file, fault in wrong]
        for file in {id(file): file for file, _ in wrong}.values():
            versions = files[file.model.id]
            versions.remove(file)
            if not versions:
                del files[file.model.id]


def _read(path: Path, folder: int) -> _File | Sequence[CatalogueProblem]:
    if not _MODEL_ID.fullmatch(path.stem):
        text = "the file's name is the model's id: up to 50 small letters, digits and hyphens"
        return [CatalogueProblem(path, 1, text)]
    try:
        raw = path.read_bytes()
    except OSError as error:
        return [CatalogueProblem(path, 1, f"cannot be read: {error.strerror}")]
    try:
        # Some editors begin a file with a byte order mark, which TOML itself does not know.
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        return [CatalogueProblem(path, raw.count(b"\n", 0, error.start) + 1, "is not text in UTF-8")]
    return _understood(path, folder, text)


# Whoever starts several bots in one process, as our tests do, waits for our own files once.
@lru_cache(maxsize=256)
def _understood(path: Path, folder: int, text: str) -> _File | tuple[CatalogueProblem, ...]:
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # Not only TOMLDecodeError: a number of 5000 digits is a plain ValueError.
        return (_syntax_problem(path, text, error),)
    shape = read_shape(content)
    if isinstance(shape, FileShape):
        model = build(ModelId(path.stem), shape)
        if isinstance(model, VideoModel):
            names = frozenset((spelling(model.name), spelling(model.id)))
            return _File(path, folder, shape.order, model, text, names, frozenset(model.slugs()))
        faults = model
    else:
        faults = shape
    return tuple(_problem_at(path, text, fault) for fault in faults)


def _problem_at(path: Path, text: str, fault: Fault) -> CatalogueProblem:
    # Finding the lines takes as long as reading the file, so only a file that is wrong pays for it.
    return _problem(path, line_of(fault.path, key_lines(text)), fault.text)


def _problem(path: Path, line: int, text: str) -> CatalogueProblem:
    """One line of a bearable length, whatever keys and values of the file the text quotes."""
    return CatalogueProblem(path, line, " ".join(text.split())[:300])


def _syntax_problem(path: Path, text: str, error: Exception) -> CatalogueProblem:
    # tomllib says where only in its message, until Python 3.14.
    place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", str(error))
    if isinstance(error, RecursionError):
        return _problem(path, 1, "is nested too deeply")
    if place is None:
        return _problem(path, 1, f"is not valid TOML: {error}")
    line = int(place[1]) if place[1] else text.rstrip("\n").count("\n") + 1
    return _problem(path, line, f"is not valid TOML: {str(error)[: place.start()]}")


def _contradictions(file: _File, earlier: list[_File], find: Callable[[ModelId], VideoModel | None]) -> Iterator[Fault]:
    """What this file says against the others; of two that clash, the one that was read later is wrong."""
    model = file.model
    for other in earlier:
        if model.provider == other.model.provider and not file.slugs.isdisjoint(other.slugs):
            for mode, spec in model.modes.items():
                if spec.slug in other.slugs:
                    yield Fault((mode.value, "slug"), f"`{spec.slug}` is already the slug of `{other.model.id}`")
        if not file.names.isdisjoint(other.names):
            yield Fault(("name",), f"members could not tell this name from `{other.model.id}`")
        if model.is_default and other.model.is_default and file.folder == other.folder:
            yield Fault(("default",), f"`{other.model.id}` is the default already")
    if model.successor is not None:
        successor = find(model.successor)
        if successor is None:
            yield Fault(("successor",), f"there is no model `{model.successor}`")
        elif successor.state is ModelState.RETIRED:
            yield Fault(("successor",), f"`{model.successor}` is retired itself")


def _catalogue(used: list[_File]) -> Catalogue:
    """The models in the order of offer: living ones first, then by the file's `order`, then by family and name."""

    def rank(file: _File) -> tuple[int, bool, int, str, str]:
        model = file.model
        return _STATES.index(model.state), file.order is None, file.order or 0, model.family, model.name

    models = [file.model for file in sorted(used, key=rank)]
    default = _default(used) or next((model.id for model in models if model.state is ModelState.LIVE), None)
    return Catalogue({model.id: replace(model, is_default=model.id == default) for model in models})


def _default(used: list[_File]) -> ModelId | None:
    """The host's choice of a default counts more than ours, without having to edit our file."""
    marked = [file for file in used if file.model.is_default]
    return max(marked, key=lambda file: file.folder).model.id if marked else None
