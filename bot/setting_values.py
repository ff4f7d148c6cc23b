"""How the text of one setting becomes a value; each function refuses with the half-sentence that the host reads."""

from __future__ import annotations

import base64
import re
from decimal import Decimal
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

# A Discord id is an unsigned 64-bit number (Discord's documentation, "Snowflakes").
LARGEST_ID = 2**64 - 1
DISCORD_API_VERSION = 10  # What discord.py 2.7 speaks.
LONGEST_SHOWN = 60

DATABASE_SCHEMES = ("sqlite+aiosqlite", "postgresql+asyncpg")
DATABASE_SCHEME_HINTS = {
    "sqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
}

# Texts that stand in examples where a real secret belongs. Whole values only: a real token may contain any of them.
PLACEHOLDER = re.compile(
    r"<.*>|\.{3}|x{3,}|\*{3,}|todo|none|null|secret|token|placeholder"
    r"|(change|replace|fill)[-_ ]?(me|this|in)|(paste|insert|put|enter|add)[-_ ].*"
    r"|(my|your|the)[-_ ].*(token|key|secret|here).*|.*(token|key)[-_ ]?(goes)?[-_ ]?here",
    re.IGNORECASE,
)
# Letters and digits in one long word, as in every key of the providers; and what stands before an `@` in an address.
KEY_LIKE = re.compile(r"(?=[\w-]*\d)(?=[\w-]*[^\W\d_])[\w-]{16,}")
USER_OF_ADDRESS = re.compile(r"://[^\s/]*@")
MONEY = re.compile(r"\d{1,9}(\.\d{1,6})?")
WORDS_FOR_YES = frozenset({"true", "yes", "on", "1"})
WORDS_FOR_NO = frozenset({"false", "no", "off", "0"})


def shown(value: str) -> str:
    """*value* as it may stand inside a one-line message, without what may be a key that got to the wrong place."""
    printable = concealed("".join(char if char.isprintable() else "?" for char in value))
    return f"`{printable}`" if len(printable) <= LONGEST_SHOWN else f"`{printable[:LONGEST_SHOWN]}...`"


def concealed(text: str) -> str:
    """*text* with no more than the beginning of what looks like a key, and without names and passwords of addresses."""
    return KEY_LIKE.sub(lambda found: f"{found[0][:4]}...", USER_OF_ADDRESS.sub("://...@", text))


def secret(value: str) -> str:
    """A token or key. What is wrong is said without a character of it."""
    if value[0] in "\"'" or value[-1] in "\"'":
        raise ValueError("has quotation marks around it; write the value without them")
    if scheme := re.match(r"(Bot|Bearer)\s", value, re.IGNORECASE):
        raise ValueError(f"starts with the word `{scheme[1]}`; write only what follows it")
    if PLACEHOLDER.fullmatch(value):
        raise ValueError("is still the placeholder text of an example")
    if not all("!" <= char <= "~" for char in value):
        raise ValueError("has a space, a line break or a character in it that no key has; copy it again")
    return value


def webhook_key(value: str) -> str:
    """The secret of a Standard Webhooks endpoint."""
    value = secret(value)
    encoded = value.removeprefix("whsec_")
    try:
        is_one = value != encoded and bool(base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True))
    except ValueError:
        is_one = False
    if not is_one:
        raise ValueError("is not of the form `whsec_...`; copy it whole, as it is shown")
    return value


def ids(value: str) -> frozenset[int]:
    parts = [part.strip() for part in value.split(",")]
    wrong = [part for part in parts if part and not is_id(part)]
    if wrong:
        raise ValueError(f"{', '.join(shown(part) for part in wrong)} is not a Discord id (a long number)")
    return frozenset(int(part) for part in parts if part)


def is_id(value: str) -> bool:
    return value.isascii() and value.isdigit() and 0 < int(value[:25]) <= LARGEST_ID


def http_url(value: str) -> str:
    """A web address that may have a path; without the slash at the end."""
    parts = split_url(value, "http", "https")
    if parts.query:
        raise ValueError(f"{shown(value)} has a query (`?...`); leave it out")
    return value.rstrip("/")


def discord_api_url(value: str) -> str:
    url = http_url(value)
    parts = urlsplit(url)
    # Discord serves a long dead version when none is named; elsewhere the host knows what its gateway expects.
    if parts.hostname == "discord.com" and parts.path != f"/api/v{DISCORD_API_VERSION}":
        raise ValueError(f"{shown(value)} must end with `/api/v{DISCORD_API_VERSION}`")
    return url


def websocket_url(value: str) -> str:
    split_url(value, "ws", "wss")
    return value


def origin(value: str) -> str:
    """Scheme, host and port, nothing behind them; a lone slash is tolerated and dropped."""
    parts = split_url(value, "http", "https")
    if parts.path not in {"", "/"} or parts.query:
        raise ValueError(f"{shown(value)} has a path; write only `{parts.scheme}://{parts.netloc}`")
    return value.rstrip("/")


def split_url(value: str, *schemes: str) -> SplitResult:
    wanted = " or ".join(f"`{scheme}://`" for scheme in schemes)
    try:
        parts = urlsplit(value)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise ValueError("is not a valid address") from None
    if "@" in parts.netloc:  # Not shown: it may hold a password.
        raise ValueError("has a user name in it; leave out everything up to and with the `@`")
    if parts.scheme not in schemes:
        raise ValueError(f"{shown(value)} must start with {wanted}")
    if not has_host or not all("!" <= char <= "~" for char in value):
        raise ValueError(f"{shown(value)} is not a valid address")
    if parts.fragment:
        raise ValueError(f"{shown(value)} has a fragment (`#...`); leave it out")
    return parts


def database_url(value: str) -> str:
    """An address that SQLAlchemy understands. It may hold a password, so nothing but its scheme is ever shown."""
    scheme, separator, rest = value.partition("://")
    if not separator:
        raise ValueError("is not an address of the form `scheme://...`")
    if scheme not in DATABASE_SCHEMES:
        meant = DATABASE_SCHEME_HINTS.get(scheme.partition("+")[0])
        advice = f"write `{meant}://`" if meant else f"only {' and '.join(f'`{s}://`' for s in DATABASE_SCHEMES)} work"
        raise ValueError(f"starts with {shown(scheme + '://')}; {advice}")
    path = rest.partition("?")[0]
    if scheme == "sqlite+aiosqlite" and (not path.startswith("/") or path in {"/", "/:memory:"}):
        raise ValueError("names no file; write three slashes and the path")
    if scheme == "postgresql+asyncpg" and not path.partition("/")[2]:
        raise ValueError("names no database; write `postgresql+asyncpg://user:password@host:5432/database`")
    return value


def folder(value: str) -> Path:
    """A folder, absolute from here on; it need not exist yet."""
    # The address of the SQLite file is made from it, where a question mark would begin the options.
    if "?" in value or "\0" in value:
        raise ValueError(f"{shown(value)} has a character in it that cannot be used here")
    path = Path(value).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise ValueError(f"{shown(value)} is a file; name a folder")
    return path


def host(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._:%-]+", value) or value.count(":") == 1:
        raise ValueError(f"{shown(value)} is not an address to listen on; write it without scheme and port")
    return value


def port(value: str) -> int:
    if not (value.isascii() and value.isdigit() and int(value[:9]) <= 65535):
        raise ValueError(f"{shown(value)} is not a port; write a number from 0 (any free port) to 65535")
    return int(value)


def bucket(value: str) -> str:
    # Amazon's rules for names ("Bucket naming rules"), with the capitals and underscores that other stores allow.
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]", value) or ".." in value:
        raise ValueError(f"{shown(value)} is not the name of a bucket; write neither address nor slashes")
    return value


def region(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,40}", value):
        raise ValueError(f"{shown(value)} is not the name of a region")
    return value


def budget(value: str) -> Decimal:
    if not MONEY.fullmatch(value) or Decimal(value) <= 0:
        raise ValueError(f"{shown(value)} is not an amount above 0; write only the number, with a point")
    return Decimal(value)


def markup(value: str) -> Decimal:
    if not MONEY.fullmatch(value) or not Decimal("0.01") <= Decimal(value) <= 100:
        raise ValueError(f"{shown(value)} is not a factor from 0.01 to 100")
    return Decimal(value)


def yes_or_no(value: str) -> bool:
    if value.lower() not in WORDS_FOR_YES | WORDS_FOR_NO:
        raise ValueError(f"{shown(value)} is neither `true` nor `false`")
    return value.lower() in WORDS_FOR_YES


def log_level(value: str) -> str:
    return one_of(value.upper(), ("DEBUG", "INFO", "WARNING", "ERROR"))


def log_format(value: str) -> str:
    return one_of(value.lower(), ("text", "json"))


def late_results(value: str) -> str:
    return one_of(value.lower(), ("free", "charge", "ignore"))


def open_or_closed(value: str) -> str:
    return one_of(value.lower(), ("open", "closed"))


def words(value: str) -> str:
    """A name that somebody else chose, of visible characters."""
    if not all("!" <= char <= "~" for char in value):
        raise ValueError(f"{shown(value)} has a space or a character in it that no such name has")
    return value


def days(value: str) -> int:
    if not value.isascii() or not value.isdecimal() or not 1 <= int(value[:9]) <= 3650:
        raise ValueError(f"{shown(value)} is not a whole number of days from 1 to 3650")
    return int(value)


def model_name(value: str) -> str:
    if not re.fullmatch(r"[\w./:@-]{1,200}", value):
        raise ValueError(f"{shown(value)} is not the name of a model")
    return value


def credits(value: str) -> int:
    if not value.isascii() or not value.isdecimal() or len(value) > 9:
        raise ValueError(f"{shown(value)} is not a whole number of credits")
    return int(value)


def role(value: str) -> str:
    """This version is one process that does everything; the other roles come with a later one."""
    if value in {"gateway", "worker"}:
        raise ValueError(f"{shown(value)} is not possible in this version; leave it out")
    return one_of(value, ("all",))


def one_of(value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise ValueError(f"{shown(value)} is not possible; choose {' or '.join(f'`{choice}`' for choice in choices)}")
    return value
