"""Signed links: what we signed is good until it expires, and no part of it can be changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.links import NAME, sign, verify

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEY = bytes(range(32))
DAY = timedelta(days=1)


def parts(path: str) -> tuple[str, str, str]:
    _, videos, expires, signature, name = path.split("/")
    assert videos == "videos"
    return expires, signature, name


def test_signed_path_is_good_until_it_expires() -> None:
    path = parts(sign(KEY, "142.mp4", NOW + DAY))

    assert path[0] == str(int((NOW + DAY).timestamp()))
    assert verify(KEY, *path, NOW)
    assert verify(KEY, *path, NOW + DAY - timedelta(seconds=1))
    assert not verify(KEY, *path, NOW + DAY)


def test_signature_is_the_documented_one() -> None:
    # Computed once outside Python: printf 'cutscene video link 1\n1763726400\n142.mp4' through openssl's HMAC-SHA256.
    expires = datetime.fromtimestamp(1763726400, UTC)

    assert (
        sign(b"0123456789abcdef", "142.mp4", expires)
        == "/videos/1763726400/0Jw61Ix0oGGSdmN4xmEzRphsuEl3driEt2Uj0L_CdyU/142.mp4"
    )


@given(st.sampled_from([0, 1, 2]), st.integers(0, 200), st.characters(codec="utf-8"))
def test_no_part_can_be_changed(part: int, position: int, character: str) -> None:
    genuine = list(parts(sign(KEY, "142.mp4", NOW + DAY)))
    text = genuine[part]
    position %= len(text)
    changed = genuine.copy()
    changed[part] = text[:position] + character + text[position + 1 :]

    assert verify(KEY, *changed, NOW) is (changed == genuine)


@pytest.mark.parametrize("expires", ["0", "-1", "1e9", "+1795262400", "01795262400", "١٧٩٥٢٦٢٤٠٠", "9" * 5000, ""])
def test_odd_times_are_no_times(expires: str) -> None:
    _, signature, name = parts(sign(KEY, "142.mp4", NOW + DAY))

    assert not verify(KEY, expires, signature, name, NOW)


def test_other_key_makes_another_link() -> None:
    path = parts(sign(KEY, "142.mp4", NOW + DAY))

    assert not verify(bytes(32), *path, NOW)


@pytest.mark.parametrize(
    "name",
    ["", ".mp4", "..", "../142.mp4", "a/b.mp4", "a\\b.mp4", "142.mp4\n", "142.MP4", "142.mp4.part", "142.db", "ж.mp4"],
)
def test_only_names_of_videos_are_signed(name: str) -> None:
    with pytest.raises(ValueError, match="not the name"):
        sign(KEY, name, NOW + DAY)


@pytest.mark.parametrize("name", ["142.mp4", "142.small.mp4", "a-b_c.webm", "x.mov"])
def test_names_that_results_have_are_signed(name: str) -> None:
    assert NAME.fullmatch(name)
    assert verify(KEY, *parts(sign(KEY, name, NOW + DAY)), NOW)


def test_short_key_signs_nothing() -> None:
    with pytest.raises(ValueError, match="too short"):
        sign(b"", "142.mp4", NOW + DAY)
