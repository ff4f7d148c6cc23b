"""The tree of errors is drawn at the top of their package; here it is held against the modules below."""

from __future__ import annotations

import importlib
import pkgutil
import re

from bot import errors
from bot.errors import CutsceneError


def drawn() -> list[tuple[str, str]]:
    """Each error of the drawing, with the module that the drawing has named last."""
    module, found = "", []
    for line in (errors.__doc__ or "").partition("\n\nWhat code")[0].splitlines():
        if named := re.search(r"(\w+)\.py", line):
            module = named[1]
        found += [(name, module) for name in re.findall(r"\w+Error\b", line)]
    return found


def written() -> list[tuple[str, str]]:
    return [
        (name, module.name)
        for module in pkgutil.iter_modules(errors.__path__)
        for name, kind in vars(importlib.import_module(f"bot.errors.{module.name}")).items()
        if isinstance(kind, type) and issubclass(kind, CutsceneError) and kind.__module__.endswith(f".{module.name}")
    ]


def test_the_drawing_names_every_error_once_and_its_module() -> None:
    assert sorted(drawn()) == sorted(written())
