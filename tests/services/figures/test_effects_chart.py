"""services/figures/effects_chart.py: a dot and a whisker for each effect, the most important axis first."""

from __future__ import annotations

import re
from typing import Any

from drawn_figures import all_of, parsed, texts

from services.domain.plan.repeats import Repeats
from services.domain.results.compared import LeftOutTrials
from services.domain.results.effects import AxisEffects, Effects, LevelEffect
from services.domain.results.importance import Importance
from services.figures.effects_chart import MAX_AXES, effects_chart


def axis(name: str, share: float | None = None, **changes: Any) -> AxisEffects:
    levels = [LevelEffect("low", 5, 0.8, -0.02, -0.03, -0.01), LevelEffect("high <b>", 4, 0.84, 0.02)]
    importance = None if share is None else Importance(share, share / 2, 1.0)
    fields = {"binned": False, "levels": levels, "inactive": None, "together": []} | changes
    return AxisEffects(path=f"x.{name}", name=name, importance=importance, **fields)


def drawn(*axes: AxisEffects) -> str:
    effects = Effects(9, 9, Repeats(1), 0.82, "together", "points", axes, LeftOutTrials())
    return effects_chart(["title", "9 points compared", "how"], effects, "val/acc")


def test_effects_have_dots_whiskers_and_numbers() -> None:
    root = parsed(drawn(axis("lr", 0.25)))
    dots = [each for each in all_of(root, "path") if each.get("stroke-linecap") == "round"]
    whiskers = [each for each in all_of(root, "path") if each.get("stroke-width") == "1.5"]
    assert (len(dots), len(whiskers)) == (2, 1)  # one of the two has no interval
    low, high = (float(number) for number in re.findall(r"M([\d.]+) [\d.]+v8", whiskers[0].attrib["d"]))
    [x] = re.findall(r"M([\d.]+) ", dots[0].attrib["d"])
    assert float(x) == (low + high) / 2
    shown = texts(root)
    assert {
        "lr · importance 25% (12% to 100%)",
        "low",
        "n 5",
        "−0.020 ± 0.010",
        "+0.02000",
        "effect on val/acc",
    } <= set(shown)
    assert shown[:3] == ["title", "9 points compared", "how"]


def test_axes_stand_by_importance_and_too_many_are_counted() -> None:
    found = texts(parsed(drawn(*(axis(f"a{number:02d}", number / 100) for number in range(MAX_AXES + 3)))))
    named = [text.partition(" ")[0] for text in found if "importance" in text and text.startswith("a")]
    assert named == [f"a{number:02d}" for number in range(MAX_AXES + 2, 2, -1)]
    assert f"the {MAX_AXES} most important axes; 3 others are not drawn" in found
    plain = texts(parsed(drawn(axis("b"), axis("a"))))
    assert plain.index("b") < plain.index("a")


def test_what_has_no_effect_is_shown_without_a_dot() -> None:
    alone = axis(
        "lr", levels=[LevelEffect("0.1", 9, 0.82)], inactive=LevelEffect("none", 3, 0.7), together=["l2"]
    )
    root = parsed(drawn(alone))
    assert not [each for each in all_of(root, "path") if each.get("stroke-linecap") == "round"]
    assert {"lr · always with l2", "none: does not apply", "n 3"} <= set(texts(root))
