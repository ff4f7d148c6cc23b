"""On which line each key of a TOML text stands, because `tomllib` does not say and a host must find the mistake."""

from __future__ import annotations

from bot.catalogue.problems import KeyPath

_BLANK = " \t\n"
_BARE_VALUE_ENDS = ",]}#\n"


def line_of(path: KeyPath, lines: dict[KeyPath, int]) -> int:
    """The line of the key, or of the closest key around it: a missing key has no line of its own."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return 1


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line of every key, table and list element of *text*, which `tomllib` has accepted already."""
    scanner = _Scanner(text)
    scanner.scan()
    return scanner.lines


class _Scanner:
    """Walks over valid TOML and remembers where things start; it does not look at what they are."""

    def __init__(self, text: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self._text = text
        self._at = 0
        self._tables: dict[KeyPath, int] = {}  # for each list of tables: the number of its last one

    def scan(self) -> None:
        header: KeyPath = ()
        while self._skip(_BLANK):
            if self._text[self._at] == "[":
                header = self._header()
            else:
                self._pair(header)

    def _header(self) -> KeyPath:
        line = self._line()
        is_list = self._text.startswith("[[", self._at)
        self._at += 2 if is_list else 1
        path = self._inside_lists(self._keys("]"))
        self._at += 2 if is_list else 1
        if is_list:
            self._tables[path] = self._tables.get(path, -1) + 1
            self.lines.setdefault(path, line)
            path = (*path, self._tables[path])
        self.lines.setdefault(path, line)
        return path

    def _inside_lists(self, keys: KeyPath) -> KeyPath:
        """[a.b] below [[a]] means the last element of a."""
        path: KeyPath = ()
        for number, key in enumerate(keys, start=1):
            path = (*path, key)
            if number < len(keys) and path in self._tables:
                path = (*path, self._tables[path])
        return path

    def _pair(self, table: KeyPath) -> None:
        line = self._line()
        path = table
        for key in self._keys("="):
            path = (*path, key)
            self.lines.setdefault(path, line)
        self._at += 1
        self._value(path)

    def _keys(self, end: str) -> KeyPath:
        keys: list[str] = []
        while self._skip(" \t.") and self._text[self._at] != end:
            start = self._at
            if self._text[start] in "\"'":
                self._string()
                keys.append(self._text[start + 1 : self._at - 1])
            else:
                while self._text[self._at] not in f" \t.{end}":
                    self._at += 1
                keys.append(self._text[start : self._at])
        return tuple(keys)

    def _value(self, path: KeyPath) -> None:
        self._skip(_BLANK)
        match self._text[self._at]:
            case '"' | "'":
                self._string()
            case "[":
                self._list(path)
            case "{":
                self._at += 1
                while self._skip(f"{_BLANK},") and self._text[self._at] != "}":
                    self._pair(path)
                self._at += 1
            case _:
                while self._at < len(self._text) and self._text[self._at] not in _BARE_VALUE_ENDS:
                    self._at += 1

    def _list(self, path: KeyPath) -> None:
        self._at += 1
        number = 0
        while self._skip(f"{_BLANK},") and self._text[self._at] != "]":
            self.lines[(*path, number)] = self._line()
            self._value((*path, number))
            number += 1
        self._at += 1

    def _string(self) -> None:
        quote = self._text[self._at]
        ends = quote * 3 if self._text.startswith(quote * 3, self._at) else quote
        self._at += len(ends)
        while not self._text.startswith(ends, self._at):
            self._at += 2 if quote == '"' and self._text[self._at] == "\\" else 1
        self._at += len(ends)
        if len(ends) == 3:
            # A text in three quotes may itself end with one or two quotes.
            while self._text.startswith(quote, self._at):
                self._at += 1

    def _skip(self, characters: str) -> bool:
        """Go to the next character that is neither one of *characters* nor in a comment; False at the end."""
        while self._at < len(self._text):
            if self._text[self._at] == "#" and "\n" in characters:
                end = self._text.find("\n", self._at)
                self._at = len(self._text) if end < 0 else end
            elif self._text[self._at] in characters:
                self._at += 1
            else:
                return True
        return False

    def _line(self) -> int:
        return self._text.count("\n", 0, self._at) + 1
