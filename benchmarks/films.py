"""The video that every task of a run yields: made once, so that rendering never stands in the way."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sandbox.movies import MovieRequest, MovieSize, padded, render


@contextlib.contextmanager
def film(size: int | None = None) -> Iterator[Path]:
    """A real MP4, filled up to *size* bytes if given."""
    with tempfile.TemporaryDirectory(prefix="cutscene-bench-film-") as name:
        small = Path(name, "small.mp4")
        render(MovieRequest(prompt="A paper boat", model="bench", seconds=1, size=MovieSize.DRAFT), small)
        yield small if size is None else padded(small, size, Path(name, "padded.mp4"))
