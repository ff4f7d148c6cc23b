"""Turns a file's prices into a table, and finds choices that nobody could buy and rows that never count."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from bot.catalogue.options import Report, told
from bot.catalogue.problems import KeyPath
from bot.catalogue.schema import PriceShape
from bot.domain.models import OptionName, OptionSpec, OptionValue, PriceRow, PriceTable


def check_price(
    here: KeyPath, shape: PriceShape, options: Mapping[OptionName, OptionSpec], report: Report, *, has_source: bool
) -> None:
    """Report what is wrong; *has_source* where seconds may also be those of an earlier video."""
    if shape.per == "second" and OptionName.DURATION not in options and not has_source:
        report((*here, "per"), "a price per second needs a `duration`")
        return
    table = price_table(shape)
    is_sound = True
    for number, row in enumerate(table.rows):
        for name, value in row.when.items():
            is_sound = is_sound and name in options and options[name].offers(value)
            if name not in options:
                report((*here, "rows", number), f"the row names `{name}`, which this mode does not have")
            elif not options[name].offers(value):
                report((*here, "rows", number), f"the row's `{name}` {told(value)} is not one of the choices")
    if is_sound:
        _check_coverage(here, table, options, report)


def _check_coverage(here: KeyPath, table: PriceTable, options: Mapping[OptionName, OptionSpec], report: Report) -> None:
    """Combinations may lack a price (they are not sold), but no default, no choice and no row may be in vain."""
    reached: set[int] = set()
    sold: set[tuple[OptionName, OptionValue]] = set()
    for combination in _combinations(table, options):
        row = next((n for n, row in enumerate(table.rows) if row.matches(combination)), None)
        if row is not None:
            reached.add(row)
            sold.update(combination.items())
    for number in range(len(table.rows)):
        if number not in reached:
            report((*here, "rows", number), "the row never counts, because rows above it cover all of it")
    named = {name for row in table.rows for name in row.when}
    for name, option in options.items():
        for choice in option.choices:
            if name in named and (name, choice.value) not in sold:
                report(
                    (here[0], name.value, "choices"),
                    f"`{name}` {told(choice.value)} has no price in any combination",
                )
    defaults = {name: option.default for name, option in options.items()}
    if not any(row.matches(defaults) for row in table.rows):
        report((*here, "rows"), "the defaults together have no price")


def _combinations(
    table: PriceTable, options: Mapping[OptionName, OptionSpec]
) -> Iterator[dict[OptionName, OptionValue]]:
    """Every combination of the options that the price depends on."""
    names = [name for name in options if any(name in row.when for row in table.rows)]
    for values in itertools.product(*([choice.value for choice in options[name].choices] for name in names)):
        yield dict(zip(names, values, strict=True))


def price_table(shape: PriceShape) -> PriceTable:
    rows = []
    for row in shape.rows:
        named: dict[OptionName, OptionValue | None] = {
            OptionName.ASPECT: row.aspect,
            OptionName.DURATION: row.duration,
            OptionName.QUALITY: row.quality,
            OptionName.AUDIO: row.audio,
            OptionName.STYLE: row.style,
        }
        when = {name: value for name, value in named.items() if value is not None}
        rows.append(PriceRow(when=when, credits=row.credits))
    return PriceTable(per_second=shape.per == "second", rows=tuple(rows), extra_picture=shape.extra_picture)
