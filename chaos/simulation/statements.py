"""SQLAlchemy without its bookkeeping: a statement that is run again is bound, run and read, and nothing else.

In a simulated run the contexts and results around the statements took as long as SQLite and the engine together. What
the product sends and gets back stays the same: the first run of each statement goes SQLAlchemy's whole way, and the
text, the conversions and the names of the columns that it came to are kept for the next.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy.engine import Connection, Engine, IteratorResult


@dataclass(frozen=True, slots=True)
class Place:
    """A placeholder of a statement: the caller's value of this name, converted; without a name always the same."""

    name: str | None
    convert: Any = None
    constant: Any = None


@dataclass(frozen=True, slots=True)
class Shortcut:
    """What one statement has in common with itself whenever it is given values of the same names."""

    text: str
    places: Sequence[Place]
    metadata: Any

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        return [
            place.constant
            if place.name is None
            else given[place.name]
            if place.convert is None
            else place.convert(given[place.name])
            for place in self.places
        ]


class Rows(IteratorResult[Any]):
    """What a statement brought, and how many rows it changed."""

    def __init__(self, metadata: Any, rows: Iterable[Any], rowcount: int) -> None:
        super().__init__(metadata, iter(rows))
        self.rowcount = rowcount


class ShortConnection(Connection):
    """A connection to SQLite that takes the shortcut of each statement that it has run before."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._shortcuts: WeakKeyDictionary[Any, dict[tuple[str, ...], Shortcut | None]] = WeakKeyDictionary()
        self._raw: Any = self.connection.driver_connection

    def _execute_clauseelement(self, elem: Any, distilled_parameters: Any, execution_options: Any) -> Any:
        if len(distilled_parameters) > 1 or execution_options:
            return super()._execute_clauseelement(elem, distilled_parameters, execution_options)
        given = distilled_parameters[0] if distilled_parameters else {}
        known, names = self._shortcuts.setdefault(elem, {}), tuple(given)
        shortcut = known.get(names)
        if shortcut is None:
            result = super()._execute_clauseelement(elem, distilled_parameters, execution_options)
            if names not in known:
                known[names] = _shortcut_of(result, given)
            return result
        cursor, values = self._raw.cursor(), shortcut.values(given)
        try:
            cursor.execute(shortcut.text, values)
        except sqlite3.Error as error:
            self._handle_dbapi_exception(error, shortcut.text, values, cursor, None)
        return Rows(shortcut.metadata, cursor.fetchall(), cursor.rowcount)


def _shortcut_of(result: Any, given: Mapping[str, Any]) -> Shortcut | None:
    """None where SQLAlchemy makes a part of the text, or a value of its own, anew at each run."""
    context, compiled = result.context, result.context.compiled
    if (
        compiled.literal_execute_params
        or compiled.post_compile_params
        or compiled.insert_prefetch
        or compiled.update_prefetch
    ):
        return None
    converters = compiled._bind_processors
    places = [
        Place(name, converters.get(name)) if name in given else Place(None, constant=value)
        for name, value in zip(compiled.positiontup or (), context.parameters[0], strict=True)
    ]
    return Shortcut(context.statement, places, result._metadata)
