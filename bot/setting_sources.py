"""Where settings are written: the environment, `.env`, and files that hold one secret each; and which names exist."""

from __future__ import annotations

import difflib
import io
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv.parser import parse_stream

from bot.setting_values import concealed

# In the process environment many programs leave their names; only those that can hardly be meant for another program
# are taken for slips. HTTP_ is not among them: HTTP_PROXY is everybody's.
OUR_PREFIXES = ("DISCORD_", "KIE_", "BUDGET_")
# Compose reads the same `.env` for itself.
FOREIGN_PREFIXES = ("COMPOSE_",)
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,40}")
FILE_SUFFIX = "_FILE"


@dataclass(slots=True)
class Written:
    """What was found: the texts by name, and one line per problem."""

    values: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def read(
    environ: Mapping[str, str], env_file: Path | None, names: Collection[str], secret_names: Collection[str]
) -> Written:
    """Everything that is set, trimmed; the environment wins over the file, and an empty text counts as not set."""
    written = Written()
    known = {*names, *(name + FILE_SUFFIX for name in secret_names)}
    if env_file is not None:
        _read_env_file(env_file, known, written)
    for name, value in environ.items():
        if name in known:
            if value.strip():
                written.values[name] = value.strip()
        elif name.startswith(OUR_PREFIXES):
            written.problems.append(_unknown(name, "the environment", known))
    for name in secret_names:
        _read_secret_file(name, written)
    return written


def _read_env_file(path: Path, known: Collection[str], written: Written) -> None:
    try:
        text = path.read_text(encoding="utf-8-sig")  # Windows editors begin the file with a mark.
    except FileNotFoundError:
        return
    except UnicodeDecodeError:
        written.problems.append(f"{path}: is not a UTF-8 text; save it as UTF-8.")
        return
    except OSError as err:
        written.problems.append(f"{path}: cannot be read ({err.strerror}).")
        return
    for binding in parse_stream(io.StringIO(text)):
        name, value = binding.key, binding.value
        place = f"{path}, line {binding.original.line}"
        if name is None and not binding.error:  # A comment or an empty line.
            continue
        if name is None or value is None or not NAME.fullmatch(name):
            # The line is not shown: it may be a token that lost its name.
            written.problems.append(f"{place}: is not of the form NAME=value.")
        elif name in known:
            if value.strip():
                written.values[name] = value.strip()
        elif not name.startswith(FOREIGN_PREFIXES):
            written.problems.append(_unknown(name, place, known))


def _unknown(name: str, place: str, known: Collection[str]) -> str:
    nearest = difflib.get_close_matches(name.upper(), sorted(known), n=1, cutoff=0.6)
    # A key that ends in `=` and lost its name looks like a name, but for its small letters.
    name = name if nearest or name.isupper() else concealed(name)
    advice = f"did you mean {nearest[0]}?" if nearest else "see .env.example for all names."
    return f"{name}: there is no such setting ({place}); {advice}"


def _read_secret_file(name: str, written: Written) -> None:
    """Take the value from the file that NAME_FILE names: how Docker and Kubernetes hand out secrets."""
    file_name = name + FILE_SUFFIX
    path = written.values.pop(file_name, None)
    if path is None:
        return
    if name in written.values:
        written.problems.append(f"{file_name}: {name} is set as well; keep one of the two.")
        return
    try:
        value = Path(path).read_text(encoding="utf-8-sig").strip()
    except UnicodeDecodeError:
        written.problems.append(f"{file_name}: the file {path} is not a text.")
    except (OSError, ValueError) as err:
        reason = err.strerror if isinstance(err, OSError) else "not a path"
        written.problems.append(f"{file_name}: the file {path} cannot be read ({reason}).")
    else:
        if value:
            written.values[name] = value
        else:
            written.problems.append(f"{file_name}: the file {path} is empty.")
