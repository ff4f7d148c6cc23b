"""Forbidden words are found in every disguise, and nothing else is."""

from __future__ import annotations

import time

import pytest

from bot.domain.safety import Word, WordKind
from bot.errors.words import BadPatternError, BadWordError
from bot.services import word_filter
from bot.services.word_filter import WordFilter


def word(text: str) -> Word:
    return Word(kind=WordKind.WORD, text=text)


def pattern(text: str) -> Word:
    return Word(kind=WordKind.PATTERN, text=text)


# What was written -> the word of the list that it hides.
BYPASSES = {
    "kill the fox": "kill",
    "KILL the fox": "kill",
    "the fox, kill, run": "kill",
    "kiiillll the fox": "kill",
    "k i l l the fox": "kill",
    "make a k i l l video": "kill",
    "k.i.l.l": "kill",
    "k-i-l-l": "kill",
    "k_i_l_l": "kill",
    "k  i\nl\tl": "kill",
    "ki.ll the fox": "kill",
    "ki-ll the fox": "kill",
    "k*ll and ki*ll": "kill",
    "**ki**ll": "kill",
    "k1ll": "kill",
    "k!ll!": "kill",
    "ki1l": "kill",
    "ki||": "kill",
    "k\u200bi\u200cl\u200dl": "kill",
    "ki\u00adll": "kill",
    "\u202ekill\u202c": "kill",
    "ki\u2060ll": "kill",
    "kïłļ": "kill",
    "k\u0336i\u0336l\u0336l\u0336": "kill",
    "ｋｉｌｌ": "kill",
    "𝓴𝓲𝓵𝓵": "kill",
    "𝕜𝕚𝕝𝕝": "kill",
    "ⓚⓘⓛⓛ": "kill",
    "🅺🅸🅻🅻": "kill",
    "🇰🇮🇱🇱": "kill",
    "кіll": "kill",
    "κιll": "kill",
    "ĸill": "kill",
    "$3x": "sex",
    "s€x": "sex",
    "ѕех": "sex",
    "n4k3d": "naked",
    "NᗩKED": "naked",
    "fu¢k": "fuck",
    "fuсk": "fuck",
    "ﬁre": "fire",
    "straße": "strasse",
    "a big  red-button": "red button",
    "killing": "kill*",
    "overkill": "*kill",
    "skillful": "*kill*",
    "насилие": "насилие",
    "НАСИЛИЕ": "насилие",
    "н а с и л и е": "насилие",
    "нacилиe": "насилие",
    "наси́лие": "насилие",
    "ёлка": "елка",
    "这是暴力视频": "暴力",
    "暴 力": "暴力",
    "暴.力": "暴力",
    "1488": "1488",
}

# What was written -> a word of the list that it does not hold.
INNOCENT = {
    "skill and killer whales": "kill",
    "a class of glass": "ass",
    "as simple as that": "ass",
    "the pen is red": "penis",
    "an analysis": "anal",
    "he is a nigerian": "nig",
    "BB guns": "88",
    "Scunthorpe in the rain": "cunt",
    "a s a p": "ass",
    "kil the fox": "kill",
    "лес": "лесть",
    "和平": "暴力",
    "": "kill",
}


@pytest.mark.parametrize(("text", "hidden"), BYPASSES.items())
def test_a_word_is_found_in_disguise(text: str, hidden: str) -> None:
    assert WordFilter([word("zebra"), word(hidden)]).find(text) == word(hidden)


@pytest.mark.parametrize(("text", "forbidden"), INNOCENT.items())
def test_an_innocent_text_is_let_through(text: str, forbidden: str) -> None:
    assert WordFilter([word(forbidden)]).find(text) is None


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("paint it bl00d red", r"blood"),
        ("b\u200blood", r"\bblood\b"),
        ("born in 1988", r"19\d\d"),
        ("BLOOD", r"bl(oo|u)d"),
        ("Ｂlооd", r"blood"),
    ],
)
def test_a_pattern_is_searched_in_what_was_written_and_in_what_is_read(text: str, given: str) -> None:
    assert WordFilter([pattern(given)]).find(text) == pattern(given)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (r"(?=a)b", r"invalid perl operator"),
        (r"(a)\1", r"invalid escape sequence"),
        (r"(?<!x)a", r"invalid perl operator"),
        (r"(", r"missing \)"),
        (r"((a{100}){100}){100}", r"."),
        (r"a*", r"finds every text"),
        (r"", r"finds every text"),
    ],
)
def test_a_pattern_that_cannot_be_searched_safely_is_refused_with_the_reason(given: str, problem: str) -> None:
    with pytest.raises(BadPatternError, match=problem):
        word_filter.check(pattern(given))


@pytest.mark.parametrize("given", ["*", "...", "\u200b", "  "])
def test_a_word_of_which_nothing_can_be_found_is_refused(given: str) -> None:
    with pytest.raises(BadWordError):
        word_filter.check(word(given))


def test_patterns_that_explode_elsewhere_are_searched_in_no_time() -> None:
    evil = WordFilter([pattern(r"(a+)+$"), pattern(r"(x|xx)*y"), pattern(r"^(([a-z])+.)+%([a-z])+$")])

    began = time.perf_counter()
    assert evil.find("a" * 6000 + "x" * 6000 + "!") is None
    assert time.perf_counter() - began < 1


def test_a_full_list_is_searched_in_milliseconds() -> None:
    full = WordFilter([word(f"forbidden{number}x") for number in range(300)])
    text = "a red fox runs over the hills of c0rn " * 150

    began = time.perf_counter()
    assert full.find(text) is None
    assert time.perf_counter() - began < 0.2
