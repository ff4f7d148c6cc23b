"""Draws one chart in a process of its own: bars by day, one colour per model, one panel per number.

Run as a script by `bot.media.charts`. The drawing library is large and slow to load; here its memory is given back with
the process, and no loop ever waits for it. It reads one line of JSON and writes a PNG.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import warnings
from typing import Any, BinaryIO

# Memory and seconds of processor time for one chart: several times what a full one takes.
MEMORY = 1024 * 1024 * 1024
SECONDS = 30

WIDTH, PANEL_HEIGHT, DPI = 9.0, 2.2, 100

# Discord's own backgrounds and texts, so that the picture lies on the page and not in a frame.
THEMES = {
    "dark": {"back": "#313338", "text": "#dbdee1", "grid": "#4e5058"},
    "light": {"back": "#ffffff", "text": "#313338", "grid": "#d8d9dc"},
}
# Told apart by people who see fewer colours, too: the palette of Okabe and Ito with two greys more.
COLOURS = ("#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#0072b2", "#d55e00", "#999999", "#b0c4b1", "#8d6e63")


def draw(chart: dict[str, Any], target: BinaryIO) -> None:
    """*chart*: theme, days (labels), panels with a title and series of (name, values)."""
    import matplotlib as mpl  # noqa: PLC0415 - Half a second, which only whoever draws should wait for.

    mpl.use("agg")
    from matplotlib.figure import Figure  # noqa: PLC0415

    theme = THEMES[chart["theme"]]
    days, panels = chart["days"], chart["panels"]
    figure = Figure(figsize=(WIDTH, PANEL_HEIGHT * len(panels) + 0.6), dpi=DPI, facecolor=theme["back"])
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    names: dict[str, str] = {}
    for panel in panels:
        for name, _ in panel["series"]:
            names.setdefault(name, COLOURS[len(names) % len(COLOURS)])
    edges = range(len(days) + 1)
    for axis, panel in zip(axes, panels, strict=True):
        floor = [0.0] * len(days)
        for name, values in panel["series"]:
            top = [below + value for below, value in zip(floor, values, strict=True)]
            # One area of steps is drawn ten times as fast as ninety bars.
            axis.fill_between(edges, [*floor, floor[-1]], [*top, top[-1]], step="post", color=names[name], linewidth=0)
            floor = top
        axis.set_title(panel["title"], loc="left", fontsize=10, color=theme["text"])
        axis.set_facecolor(theme["back"])
        axis.set_xlim(0, len(days))
        axis.set_ylim(0, max([1.0, *floor]) * 1.08)
        axis.yaxis.get_major_locator().set_params(integer=True, nbins=4)
        axis.set_axisbelow(True)
        axis.grid(axis="y", color=theme["grid"], linewidth=0.6)
        axis.tick_params(colors=theme["text"], labelsize=8, length=0)
        for spine in axis.spines.values():
            spine.set_visible(False)
    step = max(1, len(days) // 10)
    axes[-1].set_xticks([place + 0.5 for place in range(0, len(days), step)], days[::step])
    if names:
        handles = [mpl.patches.Patch(color=colour, label=name) for name, colour in names.items()]
        figure.legend(handles=handles, loc="lower center", ncols=5, fontsize=8, frameon=False, labelcolor=theme["text"])
    rows = -(-len(names) // 5)
    height = PANEL_HEIGHT * len(panels) + 0.6
    figure.subplots_adjust(
        left=0.07, right=0.985, top=1 - 0.35 / height, bottom=(0.4 + 0.22 * rows) / height, hspace=0.35
    )
    figure.savefig(target, format="png", facecolor=theme["back"])


def _limit_ourselves() -> None:
    """A chart that needs more than this is a fault."""
    try:
        import resource  # noqa: PLC0415 - Windows has no such thing
    except ImportError:
        return
    limits = {resource.RLIMIT_AS: MEMORY, resource.RLIMIT_CPU: SECONDS, resource.RLIMIT_CORE: 0}
    for kind, most in limits.items():
        # macOS knows the limit on memory and refuses to set it.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, most))


def main() -> None:
    # Each thread of the number library would take its own share of the memory limit.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    _limit_ourselves()
    warnings.simplefilter("ignore")  # A letter that the font does not have is drawn as a box.
    import matplotlib.patches  # noqa: F401, PLC0415 - Loaded while the numbers are still being counted.

    draw(json.loads(sys.stdin.buffer.read()), sys.stdout.buffer)


if __name__ == "__main__":
    main()
