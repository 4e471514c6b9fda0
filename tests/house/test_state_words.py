"""One word for one state: people read the names of services/domain/states.py, everywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from services.api.views.sweep import TrialCounts
from services.cli.show.hold_ups import OUTCOMES
from services.domain.blocker import BlockerKind
from services.domain.retry import Failure
from services.domain.states import SweepState, TrialState

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "services" / "api" / "page"
OTHER_WORDS = re.compile(
    r"waiting (trial|pack|work|one)|(trials?|packs?) (are |is )?waiting|(in the|for the) backlog",
    re.IGNORECASE,
)


def quoted(text: str, name: str) -> list[str]:
    """The strings of a JavaScript array."""
    found = re.search(rf"const {name} = \[([^\]]*)\]", text)
    assert found, f"sweep.js has no array {name}"
    return re.findall(r'"([a-z-]+)"', found[1])


def texts() -> Iterator[Path]:
    """Everything that people read, and the sources of what they read."""
    yield ROOT / "README.md"
    yield from (ROOT / "docs").glob("*.md")
    yield from (path for path in PAGE.iterdir() if path.suffix in (".js", ".html", ".css"))
    for folder in ("services/api", "services/cli", "services/domain", "services/tracking"):
        yield from (ROOT / folder).rglob("*.py")


def test_the_api_counts_trials_by_their_states() -> None:
    assert TrialCounts.model_fields.keys() == {"total", *TrialState}


def test_the_page_names_the_same_states() -> None:
    script = (PAGE / "sweep.js").read_text(encoding="utf-8")
    assert set(quoted(script, "PARTS")) == set(TrialState)
    assert quoted(script, "STATES") == [each for each in SweepState if each != SweepState.DELETING]
    style = (PAGE / "page.css").read_text(encoding="utf-8")
    for state in TrialState:
        assert f".fill.{state} " in style, f"the bar has no colour for {state}"


def test_no_text_has_another_word_for_pending_or_queued() -> None:
    assert OTHER_WORDS.search("12 trials waiting")
    found = {
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in texts()
        for match in OTHER_WORDS.finditer(path.read_text(encoding="utf-8"))
    }
    assert not found, f"a trial or pack that has not begun is pending or queued: {sorted(found)}"


def test_every_kind_of_blocker_is_documented_and_every_outcome_has_its_word() -> None:
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    section = page.partition("## When a sweep does not move")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE) == list(BlockerKind)
    script = (PAGE / "sweep.js").read_text(encoding="utf-8")
    own = re.search(r"const OUTCOMES = \{(.*?)\};", script, re.DOTALL)
    assert own
    assert dict(re.findall(r'(\w+): "([^"]+)"', own[1])) == OUTCOMES
    # A trial diverges by itself, and an attempt that was given back on purpose has not failed.
    assert OUTCOMES.keys() == set(Failure) - {Failure.DIVERGED, Failure.PREEMPTED}
