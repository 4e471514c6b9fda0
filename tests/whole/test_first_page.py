"""The first page and the reference as a person meets them: a real Chromium in front of a real API."""

from __future__ import annotations

import json
import re
import shutil
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from plain_settings import settings_for
from playwright.sync_api import Browser, Error, Page, Route, expect
from pydantic import SecretStr
from sqlalchemy import update
from stage import HOSTILE, Worker, accuracy, add, furnish, hire
from whole_lab import api

from services.client import ApiError, Client
from services.domain.states import SweepState
from services.host import HostDevice
from services.store import devices, sweep_verbs, workers
from services.store.models import Sweep
from services.store.session import Store

KEY = "a key with 100% of its #characters"
PICTURE = Path(__file__).parents[2] / "docs" / "img" / "first-page.png"  # delete it to have it drawn anew
VERBS = {"pause", "resume", "stop", "cancel", "retry"}


@dataclass
class Lab:
    """An API in front of a furnished store, and what the browser said while a test looked at it."""

    url: str
    store: Store
    client: Client
    sweeps: dict[str, str]

    @property
    def link(self) -> str:
        """The address that `cnnlab up` would print."""
        return f"{self.url}/#key={quote(KEY, safe='')}"


def open_lab(migrated: Path, folder: Path, furnished: bool) -> Iterator[Lab]:
    path = folder / "state.db"
    shutil.copy(migrated, path)
    settings = settings_for(f"sqlite:///{path}", folder).model_copy(
        update={"api_key": SecretStr(KEY), "lease_ttl": 3600.0, "mlflow_url": "http://127.0.0.1:5000"}
    )
    store = Store(settings.database_url)
    sweeps = furnish(store) if furnished else {}
    with api(settings) as url:
        client = Client(url, KEY)
        yield Lab(url, store, client, sweeps)
        client.close()
    store.close()


@pytest.fixture(scope="module")
def lab(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    yield from open_lab(migrated_sqlite, tmp_path_factory.mktemp("lab"), furnished=True)


@pytest.fixture
def empty_lab(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Lab]:
    yield from open_lab(migrated_sqlite, tmp_path, furnished=False)


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A tab of a fresh profile; at the end nothing may have failed in it, or have gone elsewhere."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(10_000)
    said: list[str] = []
    asked: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: asked.append(request.url))
    yield page
    here = re.match(r"\w+://[^/]*", page.url)
    context.close()
    assert here
    assert [url for url in asked if not re.match(f"(blob:)?{here[0]}", url)] == []  # figures are blobs
    assert [url for url in asked if "key" in url.lower() and not url.endswith("/page/api_key.js")] == []
    # Chromium itself notes each answer that is no success.
    assert [words for words in said if not words.startswith("Failed to load resource")] == []


def card(page: Page, name: str) -> Any:
    return page.locator("#sweeps article", has=page.get_by_role("link", name=name, exact=True))


def test_a_picture_for_the_documents(lab: Lab, chromium: Browser, tmp_path: Path) -> None:
    """It stands first: later tests add sweeps of their own."""
    page = chromium.new_page(viewport={"width": 1440, "height": 1460}, color_scheme="light")
    page.goto(lab.link)
    page.get_by_role("link", name="dropout-and-rate", exact=True).click()
    expect(page.locator("#detail .chart")).to_be_visible()
    path = tmp_path / "first-page.png" if PICTURE.exists() else PICTURE
    page.screenshot(path=path, animations="disabled")
    page.close()
    assert 30_000 < path.stat().st_size < 300_000


def test_the_first_page_shows_sweeps_and_who_trains(lab: Lab, page: Page) -> None:
    page.goto(lab.link)
    clear = card(page, "relu-or-tanh")
    best = lab.client.sweep(lab.sweeps["relu-or-tanh"])["best"]
    expect(clear.locator(".best strong")).to_contain_text(f"{best['mean']:.4f}")
    half = (best["high"] - best["low"]) / 2
    expect(clear.locator(".best strong")).to_contain_text(f"± {half:.4f}")
    expect(clear).to_contain_text("5 seeds")
    expect(clear.locator(".winner")).to_have_text("relu")
    expect(clear.locator(".comparison.differs")).to_contain_text("is better than the runner-up")
    for link, name in (("mlflow", "MLflow"), ("mlflow_means", "means over seeds")):
        address = lab.client.sweep(lab.sweeps["relu-or-tanh"])["links"][link]
        expect(clear.get_by_role("link", name=name, exact=True)).to_have_attribute("href", address)

    broken = card(page, "rates")
    expect(broken).to_contain_text("4 succeeded")
    expect(broken).to_contain_text("2 failed")
    expect(broken).to_contain_text(", one seed: no interval")
    expect(broken.get_by_role("img")).to_have_attribute("aria-label", "Of 6 trials: 4 succeeded, 2 failed")
    expect(broken.get_by_role("link", name="table of trials")).to_have_attribute(
        "href", lab.client.sweep(lab.sweeps["rates"])["links"]["mlflow_table"]
    )

    moving = card(page, "dropout-and-rate")
    expect(moving.locator(".badge")).to_have_text("active")
    expect(moving).to_contain_text("of 360 epochs")
    expect(moving).to_contain_text(re.compile(r"about \d+ s left"))
    expect(page.locator("#workers li")).to_have_count(4)
    expect(page.locator("#workers li").first).to_contain_text("cpu:0 on lab-1")
    expect(page.locator("#workers li").first).to_contain_text(re.compile("trains pack [0-9a-f]+ on cpu:0"))


def test_a_sweep_is_shown_in_full(lab: Lab, page: Page) -> None:
    page.goto(lab.link)
    page.get_by_role("link", name="rates", exact=True).click()
    detail = page.locator("#detail")
    expect(detail).to_contain_text("diverged: loss or weights were no longer finite in epoch 2")
    expect(detail.locator(".board tbody tr")).to_have_count(6)
    ranked = lab.client.leaderboard(lab.sweeps["rates"])["points"]
    shown = detail.locator(".board tbody tr .result").all_inner_texts()
    assert [text.split()[0] for text in shown[:4]] == [f"{point['mean']:.4f}" for point in ranked[:4]]
    assert all("the trial failed" in text for text in shown[4:])
    expect(detail.locator(".chart .thick")).to_have_count(4)
    expect(detail.locator(".chart")).to_have_attribute(
        "aria-label", re.compile("val/acc over 6 epochs of 4 trials")
    )
    detail.get_by_label("Metric").select_option("train/loss")
    expect(detail.locator(".chart")).to_have_attribute("aria-label", re.compile("train/loss over"))
    expect(detail).to_contain_text(f"cnnlab watch {lab.sweeps['rates']}")

    page.go_back()
    expect(detail).to_be_hidden()
    page.goto(f"{lab.url}/#sweep/{lab.sweeps['relu-or-tanh']}")
    expect(detail.locator(".board tbody tr")).to_have_count(2)
    expect(detail.locator(".board .whisker path")).to_have_count(2)
    expect(detail.locator(".chart .thin")).to_have_count(10)
    page.goto(f"{lab.url}/#sweep/none")
    expect(detail).to_contain_text("no sweep 'none'")


def test_the_key_is_asked_for_reported_wrong_and_kept_in_the_tab_only(lab: Lab, page: Page) -> None:
    page.goto(lab.url)
    expect(page.locator("main")).to_be_hidden()
    for wrong in ("not the right key", "ключ"):
        page.get_by_label("Key").fill(wrong)
        page.get_by_label("Key").press("Enter")
        expect(page.locator("#refused")).to_contain_text("this is not the API key")
    page.get_by_label("Key").fill(KEY)
    page.get_by_role("button", name="Show sweeps").click()
    expect(card(page, "rates")).to_be_visible()
    assert page.url == f"{lab.url}/"
    expect(page.locator("#status")).to_have_text("live")
    page.reload()
    expect(card(page, "rates")).to_be_visible()
    assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    page.get_by_role("button", name="Forget key").click()
    expect(page.get_by_label("Key")).to_be_focused()
    expect(page.locator("main")).to_be_hidden()
    page.reload()
    expect(page.get_by_label("Key")).to_be_visible()


def test_a_link_with_the_key_leaves_no_trace_of_it(lab: Lab, page: Page) -> None:
    page.goto(lab.link)
    expect(card(page, "rates")).to_be_visible()
    assert page.url == f"{lab.url}/"
    assert quote(KEY, safe="") not in page.evaluate("document.documentElement.outerHTML")
    page.evaluate("location.hash = 'key=wrong'")  # a link followed in a tab that is open
    expect(page.locator("#refused")).to_contain_text("this is not the API key")
    page.wait_for_timeout(600)  # a read that was planned before must not remove the message
    expect(page.locator("#refused")).to_contain_text("this is not the API key")
    assert page.url == f"{lab.url}/"


def test_verbs_work_by_keyboard_and_cancel_asks(lab: Lab, page: Page) -> None:
    sweep_id = add(lab.store, name="verbs")
    page.goto(lab.link)
    mine = card(page, "verbs")
    page.get_by_role("button", name="pause verbs").focus()
    page.keyboard.press("Enter")
    expect(mine.locator(".badge")).to_have_text("paused")
    assert lab.client.sweep(sweep_id)["state"] == "paused"
    mine.get_by_role("button", name="resume").click()
    expect(mine.locator(".badge")).to_have_text("active")

    mine.get_by_role("button", name="cancel").click()
    expect(page.get_by_role("dialog", name="Cancel verbs?")).to_be_visible()
    expect(page.get_by_role("button", name="Keep running")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert lab.client.sweep(sweep_id)["state"] == "active"
    mine.get_by_role("button", name="cancel").click()
    page.get_by_role("button", name="Cancel sweep").click()
    expect(mine.locator(".badge")).to_have_text(re.compile("cancell"))
    assert lab.client.sweep(sweep_id)["state"].startswith("cancell")


def test_a_refusal_is_shown_in_the_apis_words(lab: Lab, page: Page) -> None:
    sweep_id = add(lab.store, name="raced")
    page.route("**/v1/sweeps?*", lambda route: route.fulfill(response=old, body=seen))
    request = urllib.request.Request(
        f"{lab.url}/v1/sweeps?limit=20", headers={"Authorization": f"Bearer {KEY}"}
    )
    with urllib.request.urlopen(request) as answer:
        seen = answer.read().decode()
    old = page.request.get(f"{lab.url}/health")
    page.goto(lab.link)
    expect(card(page, "raced").get_by_role("button", name="pause")).to_be_visible()
    lab.store.write(lambda session: sweep_verbs.cancel(session, sweep_id))
    card(page, "raced").get_by_role("button", name="pause").click()
    expect(page.locator("#alert")).to_contain_text("only an active sweep can be paused")


def test_buttons_are_what_the_api_allows(empty_lab: Lab, page: Page) -> None:
    page.goto(empty_lab.link)
    for state in sorted({*SweepState} - {SweepState.DELETING}):  # which no page shows
        page.goto(f"{empty_lab.url}/#sweep/{in_state(empty_lab, state)}")
        expect(page.locator("#detail .badge")).to_have_text(state)
        shown = {button.get_attribute("data-verb") for button in page.locator("#detail [data-verb]").all()}
        assert shown == {verb for verb in VERBS if allows(empty_lab, state, verb)}, state


def in_state(lab: Lab, state: SweepState) -> str:
    """A sweep in this state, one of whose trials has failed."""
    sweep_id = add(lab.store)
    Worker(lab.store, accuracy, lambda trial: "bad" if trial.number else None).finish(sweep_id)
    lab.store.write(
        lambda session: session.execute(update(Sweep).where(Sweep.id == sweep_id).values(state=state))
    )
    return sweep_id


def allows(lab: Lab, state: SweepState, verb: str) -> bool:
    """Whether the API does something when this is asked for in this state."""
    sweep_id = in_state(lab, state)
    try:
        after = getattr(lab.client, verb)(sweep_id)
    except ApiError as error:
        if error.status == 409:
            return False
        raise
    return bool(verb == "retry" or after["state"] != state)


def test_text_of_others_stays_text(lab: Lab, page: Page) -> None:
    hire(lab.store, HOSTILE, 0, f"says {HOSTILE}")
    sweep_id = add(lab.store, name="hostile")
    Worker(lab.store, accuracy, lambda trial: HOSTILE).finish(sweep_id)
    page.goto(lab.link)
    expect(page.locator("#workers")).to_contain_text(f"on {HOSTILE}")
    expect(page.locator("#workers")).to_contain_text(f"says {HOSTILE}")
    page.goto(f"{lab.url}/#sweep/{sweep_id}")
    expect(page.locator(".failures")).to_contain_text(HOSTILE)
    assert page.locator("img[src=x], main script").count() == 0
    assert page.title() == "hostile · cnnlab"


def test_a_gpu_that_gets_no_packs_is_shown_with_the_reason(empty_lab: Lab, page: Page) -> None:
    has, says = ("float32", "float64", "tf32", "bfloat16"), "takes no packs on it"
    gpu = HostDevice("box", "GPU-0123456789", "cuda", "NVIDIA H200", 141 * 2**30, has)
    empty_lab.store.write(lambda s: workers.say(s, "box:7", "box", 7, says))
    empty_lab.store.write(lambda s: devices.claim(s, [gpu], "box:7", "gpu", 3600.0))
    for accepts, shown, dot in [
        (True, "NVIDIA H200, 141 GiB (GPU-01234567)", "free"),
        (False, "no device", "gone"),
    ]:
        empty_lab.store.write(lambda s, yes=accepts: devices.renew(s, gpu.id, "gpu", 3600.0, None, yes))
        page.goto(empty_lab.link)
        expect(page.locator("#workers .device")).to_have_text(f"{shown} on box")
        expect(page.locator(f"#workers .dot.{dot}")).to_have_count(1)
        trains = page.get_by_text("trains in float32, float64, tf32, bfloat16")
        expect(trains).to_have_count(1 if accepts else 0)
    expect(page.locator("#workers")).to_contain_text(f"{says}Nothing can be trained now on 1 other device.")
    empty_lab.store.write(lambda s: workers.stop(s, "box:7"))


def test_the_browser_runs_no_script_that_stands_in_a_page(lab: Lab, chromium: Browser) -> None:
    for path in ("/", "/docs"):
        page = chromium.new_page()
        page.goto(lab.url + path)
        with pytest.raises(Error, match="Content Security Policy"):
            page.add_script_tag(content="document.title = 'owned'")
        assert "cnnlab" in page.title()
        page.close()


def test_without_sweeps_it_says_how_to_submit_one_and_that_works(empty_lab: Lab, page: Page) -> None:
    page.goto(empty_lab.link)
    expect(page.locator("#sweeps")).to_contain_text("No sweeps yet")
    expect(page.locator("#sweeps")).to_contain_text("cnnlab submit examples/dropout-grid.yaml")
    expect(page.locator("#workers")).to_contain_text("No worker is running")
    curl = page.locator("#sweeps pre").last.inner_text()
    assert f"{empty_lab.url}/v1/sweeps" in curl
    spec = re.search(r"-d '(.*)'", curl, re.DOTALL)
    assert spec
    empty_lab.client.submit(json.loads(spec[1]))
    expect(card(page, "rates")).to_be_visible()
    expect(card(page, "rates").locator(".notice")).to_contain_text("no worker is running")


@pytest.mark.parametrize("events", [True, False], ids=["events", "polling"])
def test_it_keeps_up_and_leaves_the_focus_alone(lab: Lab, page: Page, events: bool) -> None:
    if not events:
        page.route("**/v1/events", lambda route: route.fulfill(status=404, body="{}"))
    sweep_id = add(lab.store, name=f"moves-{events}")
    page.goto(lab.link)
    expect(page.locator("#status")).to_have_text("live" if events else "updated every 2 s")
    mine = card(page, f"moves-{events}")
    mine.get_by_role("link").first.focus()
    Worker(lab.store, accuracy).finish(sweep_id)
    expect(mine.locator(".badge")).to_have_text("succeeded", timeout=4_000)
    expect(mine.get_by_role("link").first).to_be_focused()


def test_an_api_that_is_away_is_reported_and_tried_again(lab: Lab, page: Page) -> None:
    page.goto(lab.link)
    expect(card(page, "rates")).to_be_visible()

    def gone(route: Route) -> None:
        route.abort()

    page.route("**/v1/**", gone)
    expect(page.locator("#status")).to_contain_text("does not answer; trying again", timeout=9_000)
    expect(card(page, "rates")).to_be_visible()
    page.unroute("**/v1/**", gone)
    expect(page.locator("#status")).to_have_text(re.compile("live|updated every 2 s"), timeout=9_000)


def test_filters_find_by_name_and_state(lab: Lab, page: Page) -> None:
    page.goto(lab.link)
    expect(card(page, "rates")).to_be_visible()
    page.get_by_label("Filter by name").fill("TANH")
    expect(page.locator("#sweeps article")).to_have_count(1)
    page.get_by_label("State").select_option("failed")
    expect(page.locator("#sweeps")).to_contain_text("No sweep matches the filters")
    page.get_by_label("Filter by name").fill("")
    page.get_by_label("State").select_option("partial")
    expect(card(page, "rates")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_in_light_and_dark(lab: Lab, chromium: Browser, scheme: Any) -> None:
    page = chromium.new_page(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    page.goto(lab.link)
    expect(card(page, "rates")).to_be_visible()
    red, *_ = map(int, re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor")))
    assert (red < 64) == (scheme == "dark")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    for sweep_id in lab.sweeps.values():
        page.goto(f"{lab.url}/#sweep/{sweep_id}")
        expect(page.locator(".commands")).to_contain_text(f"cnnlab watch {sweep_id}")
        assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.goto(f"{lab.url}/docs")
    expect(page.locator(".route").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.close()


def test_the_reference_lists_every_route_without_the_internet(lab: Lab, page: Page) -> None:
    page.goto(f"{lab.url}/docs")
    expect(page.locator(".route").first).to_be_visible()
    with urllib.request.urlopen(f"{lab.url}/openapi.json") as answer:
        known = {(verb.upper(), path) for path, verbs in json.load(answer)["paths"].items() for verb in verbs}
    titles = [title.inner_text().split() for title in page.locator(".route h3").all()]
    assert {(verb, path) for verb, path in titles} == known
    submit = page.locator("#post-v1-sweeps")
    expect(submit).to_contain_text("-d @sweep.json")
    submit.get_by_text("As JSON").click()
    expect(submit.locator("details[open] pre").last).to_contain_text("search?: ")
