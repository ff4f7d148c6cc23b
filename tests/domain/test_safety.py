"""Every rule that can refuse has a name for the staff."""

from __future__ import annotations

import pytest

from bot.domain.admission import PolicyRule
from bot.domain.safety import Strike
from bot.i18n import texts
from bot.rendering.refusals import RULES, rule_name


@pytest.mark.parametrize("rule", [*PolicyRule, *Strike, "Blocked", "BlockedForGood", "TooManyRefusals", "Departed"])
def test_a_rule_is_called_by_its_name(rule: str) -> None:
    assert rule_name(texts("en-US"), rule) == RULES[rule]
    assert rule_name(texts("ru"), str(rule)) != RULES[rule]


def test_a_rule_of_another_version_is_shown_as_it_is_called() -> None:
    assert rule_name(texts("en-US"), "Moonphase") == "`Moonphase`"
