"""The page at a desk and on a phone: words stay whole, and a sweep that is blocked looks so."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from paper_sweep import take
from plain_settings import settings_for
from playwright.sync_api import Browser, Page, expect
from pydantic import SecretStr
from sqlalchemy import update
from stage import Worker, accuracy, add, hire
from whole_lab import api

from services import dispatch
from services.domain.retry import Failure
from services.store import endings, sweep_verbs
from services.store.models import Pack, Trial
from services.store.session import Store

KEY = "k" * 32
SIX_AXES: dict[str, Any] = {
    "name": "six-axes-with-long-names",
    "project": "a-project-whose-name-is-long",
    "seeds": 2,
    "space": {
        "model.dropout": [0.0, 0.123456],
        "model.activation": ["symmetric-saturating-linear", "tangent-sigmoid"],
        "train.optimizer": ["momentum", {"name": "adam", "lr": 0.00123}],
        "train.l2": [0.0, 0.000123],
        "train.loss": ["softmax", "square"],
        "train.batch_size": [32, 64],
    },
}
CHANGED = (
    "/srv/flowers/a-class-with-a-long-name/2026-summer.jpg has changed: its SHA-256 is " + "0b9c2625" * 8
)
NO_COMPILER = "there is no C++ compiler; with one it trains twice as fast"
# A word of at most 36 characters that stands on more than one line.
BROKEN_WORDS = r"""() => {
  const found = [];
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    if (!node.parentElement.checkVisibility() || node.parentElement.closest("svg, option, .unseen")) continue;
    for (const { 0: word, index } of node.data.matchAll(/\S+/g)) {
      const range = document.createRange();
      range.setStart(node, index);
      range.setEnd(node, index + word.length);
      const rectangles = [...range.getClientRects()].filter(({ width }) => width > 0);
      const lines = new Set(rectangles.map(({ top }) => Math.round(top)));
      if (word.length <= 36 && lines.size > 1) found.push(word);
    }
  }
  return found;
}"""


def fail(store: Store, sweep_id: str, failure: Failure, message: str) -> None:
    """One attempt that fails at once."""
    store.write(lambda session: session.execute(update(Trial).values(not_before=0)))
    pack = store.write(lambda session: dispatch.fill(session, sweep_id))
    assert pack
    held = take(store, pack, ttl=3600.0)
    error = {"kind": failure, "message": message}
    store.write(lambda session: endings.give_up(session, held, failure, error))


@pytest.fixture(scope="module")
def lab(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Sweeps in several states, by name: their ids; and the API's address as `url`."""
    folder = tmp_path_factory.mktemp("layout")
    shutil.copy(migrated_sqlite, folder / "state.db")
    settings = settings_for(f"sqlite:///{folder}/state.db", folder)
    store = Store(settings.database_url)
    hire(store, "a-host-with-a-rather-long-name", 0, "idle on cpu:0")
    good = Worker(store, accuracy)
    found = {
        "ended": add(store, name="ended"),
        "six": add(store, **SIX_AXES),
        "lost": add(store, name="lost"),
    }
    good.finish(found["ended"])
    for _ in range(6):
        good.next_pack(found["six"])
    fail(store, found["lost"], Failure.LOST, "worker lab-1/4000 fell silent")
    going_on = good.next_pack(found["lost"], until=3)
    assert going_on
    missed = {"no_kernels": NO_COMPILER, "kernels_remedy": "install g++"}
    store.write(lambda s: s.execute(update(Pack).where(Pack.id == going_on.id).values(machine=missed)))
    found |= {"blocked": add(store, name="changed-data"), "paused": add(store, name="paused")}
    for _ in range(3):
        fail(store, found["blocked"], Failure.HOST, CHANGED)
    store.write(lambda session: sweep_verbs.pause(session, found["paused"]))
    with api(settings.model_copy(update={"api_key": SecretStr(KEY)})) as url:
        yield found | {"url": url}
    store.close()


@pytest.fixture(params=[1400, 400])
def page(chromium: Browser, lab: dict[str, str], request: pytest.FixtureRequest) -> Iterator[Page]:
    """The list of sweeps, at a desk and on a phone."""
    page = chromium.new_page(viewport={"width": request.param, "height": 900})
    page.set_default_timeout(10_000)
    page.goto(f"{lab['url']}/#key={KEY}")
    expect(page.locator("#sweeps article").first).to_be_visible()
    yield page
    page.close()


def show(page: Page, lab: dict[str, str], name: str) -> None:
    page.goto(f"{lab['url']}/#sweep/{lab[name]}")
    expect(page.locator("#detail .commands")).to_contain_text(lab[name])


def test_no_word_is_broken_and_nothing_scrolls_sideways(page: Page, lab: dict[str, str]) -> None:
    width = page.evaluate("innerWidth")
    for name in (None, "six", "lost", "blocked", "paused", "ended"):
        if name:
            show(page, lab, name)
        assert page.evaluate(BROKEN_WORDS) == [], name
        assert page.evaluate("document.documentElement.scrollWidth") == width, name


def test_the_check_finds_a_broken_word(page: Page, lab: dict[str, str]) -> None:
    # In one turn: the page draws its list anew now and then.
    narrow = "word.style.cssText = 'display: block; width: 4em; white-space: normal'"
    name = page.locator("#sweeps h3 .word").first
    assert name.evaluate(f"word => {{ {narrow}; return ({BROKEN_WORDS})() }}") != []


def test_a_blocked_sweep_says_why_since_when_and_what_to_do(page: Page, lab: dict[str, str]) -> None:
    card = page.locator("#sweeps article", has=page.get_by_role("link", name="changed-data"))
    expect(card.locator(".badge.blocked")).to_have_text("blocked")
    expect(card.locator(".notice")).to_contain_text("has changed")
    show(page, lab, "blocked")
    detail = page.locator("#detail article")
    expect(detail.locator(".notice")).to_contain_text("could not train it (3 attempts in a row)")
    expect(detail.locator(".notice")).to_contain_text(re.compile(r"for \d+ s · put that right"))
    expect(detail.locator(".notice code")).to_have_text(f"cnnlab cancel {lab['blocked']}")
    expect(detail).not_to_contain_text("left")


def test_a_lost_attempt_is_a_line_and_the_sweep_goes_on(page: Page, lab: dict[str, str]) -> None:
    show(page, lab, "lost")
    line = page.locator("#detail .setback")
    expect(line).to_contain_text("1 attempt lost")
    expect(line).to_contain_text("worker lab-1/4000 fell silent; starting again from epoch 0")
    expect(page.locator("#detail .badge.blocked")).to_have_count(0)
    note = page.locator("#detail .notice.mild")
    expect(note).to_contain_text(f"worker worker trains without the compiled operation: {NO_COMPILER}")
    expect(note).to_contain_text("install g++, where the worker runs")
    show(page, lab, "paused")
    expect(page.locator("#detail .notice")).to_contain_text("a user has paused it")
