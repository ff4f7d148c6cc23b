"""No English reaches people past the catalogues: what is shown is marked, and what is marked is seen by Babel."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.extract import extract

ROOT = Path(__file__).parents[1]
# Where texts for members are made. Other modules speak to the log, or to the host in English.
SHOWING = [
    *(ROOT / "bot" / "rendering").glob("*.py"),
    *(ROOT / "bot" / "client").glob("*.py"),
    *(ROOT / "cogs").rglob("*.py"),
    *(ROOT / "bot" / "publisher").glob("*.py"),
    ROOT / "bot" / "cards.py",
]
SOURCES = sorted([*(ROOT / "bot").rglob("*.py"), *(ROOT / "cogs").rglob("*.py")])
MARKS = {"N_": None, "_": None, "plural": (1, 2)}
# How many texts each mark takes, from the left.
TEXTS_OF = {"N_": 1, "_": 1, "plural": 2}

# Which arguments of which calls people read: by position, and by name.
SHOWN = {
    "embed": ({0, 1}, {"title", "description"}),
    "Embed": (set(), {"title", "description"}),
    "add_field": (set(), {"name", "value"}),
    "set_footer": (set(), {"text"}),
    "set_author": (set(), {"name"}),
    "Button": (set(), {"label"}),
    "_button": ({0}, {"label"}),
    "Label": (set(), {"text", "description"}),
    "TextInput": (set(), {"label", "placeholder"}),
    "Modal": (set(), {"title"}),
    "PromptForm": (set(), {"title"}),
    "__init__": (set(), {"title"}),
    "Choice": (set(), {"name"}),
    "send": ({0}, {"content"}),
    "send_message": ({0}, {"content"}),
    "edit_message": (set(), {"content"}),
    "edit_original_response": (set(), {"content"}),
    "edit": (set(), {"content"}),
    # Of decorators: what Discord shows of commands and their options.
    "locale_str": ({0}, set()),
    "command": (set(), {"description"}),
    "describe": (set(), None),  # Every option has its own name.
}
WORD = re.compile(r"[^\W\d_]{2,}")


def called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def shown_arguments(call: ast.Call) -> Iterator[ast.expr]:
    positions, names = SHOWN.get(called(call), (set(), set()))
    for position, argument in enumerate(call.args):
        if position in positions:
            yield argument
    for keyword in call.keywords:
        if names is None or keyword.arg in names:
            yield keyword.value


def words_in(expression: ast.expr) -> Iterator[str]:
    """Words that stand in *expression* itself; whatever a call makes is looked at where it is made."""
    match expression:
        case ast.Constant(value=str(text)) if WORD.search(text):
            yield text
        case ast.Call():
            return
        case _:
            for part in ast.iter_child_nodes(expression):
                if isinstance(part, ast.expr):
                    yield from words_in(part)


def unmarked(source: str) -> list[str]:
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return [
        f"line {argument.lineno}: {text}"
        for call in calls
        for argument in shown_arguments(call)
        for text in words_in(argument)
    ]


def marked(source: str) -> Iterator[tuple[int, str | None]]:
    """Line and text of every mark; None where the text does not stand there, so that nobody could extract it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and called(node) in TEXTS_OF:
            for argument in node.args[: TEXTS_OF[called(node)]]:
                match argument:
                    case ast.Constant(value=str(text)):
                        yield node.lineno, text
                    case _ if called(node) != "_":  # `_(text)` shows what was marked elsewhere.
                        yield node.lineno, None
                    case _:
                        pass


def unseen(source: str) -> list[str]:
    """Marks that the extraction misses: inside an f-string on Python 3.11, or around something that is no text."""
    seen: set[str] = set()
    for _line, message, _comments, _context in extract("python", BytesIO(source.encode()), keywords=MARKS):
        seen.update([message] if isinstance(message, str) else message)
    return [f"line {line}: {text}" for line, text in marked(source) if text not in seen]


@pytest.mark.parametrize("path", sorted(SHOWING), ids=lambda path: str(path.relative_to(ROOT)))
def test_module_shows_no_unmarked_text(path: Path) -> None:
    assert unmarked(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_extraction_sees_every_mark_of_the_module(path: Path) -> None:
    assert unseen(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        'embed("Your videos")',
        'card.add_field(name=_("Price"), value=f"{price} credits")',
        'channel.send("Nothing" if empty else text)',
        'discord.ui.Button(label="Cancel", custom_id=wanted)',
        'app_commands.describe(page="Which page")',
        'locale_str("What you can spend now")',
    ],
)
def test_unmarked_text_would_be_noticed(source: str) -> None:
    assert len(unmarked(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        'embed(_("Your videos"), words.moment(at, "R"))',
        'card.add_field(name=_("Price"), value=f"**{price}** · `{model.id}`")',
        'app_commands.describe(page=locale_str(N_("Which page")))',
    ],
)
def test_marked_text_is_left_alone(source: str) -> None:
    assert unmarked(source) == []


@pytest.mark.parametrize("source", ["N_(name)", '_.plural(one, "{count} credits", 5)', 'N_(f"Job {job}")'])
def test_mark_that_cannot_be_extracted_would_be_noticed(source: str) -> None:
    assert len(unseen(source)) >= 1
