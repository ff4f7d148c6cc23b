"""What is wrong with a catalogue file, said so that its author can go to the line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# Where something stands inside a file: ("text", "price", "rows", 2, "credits").
KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong at a key, before its line is known."""

    path: KeyPath
    text: str


@dataclass(frozen=True, slots=True)
class CatalogueProblem:
    """One line for the host: the file, the line (counted from 1) and what is wrong there."""

    file: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"
