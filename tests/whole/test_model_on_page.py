"""A trial's panel: its model is downloaded, and looks at images. A real Chromium and API, no worker."""

from __future__ import annotations

import base64
import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect
from served_weights import KEY, served_weights

from services.settings import Settings
from services.store.session import Store

DROP = """([target, name, content]) => {
  const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], name, { type: "image/png" }));
  for (const kind of ["dragover", "drop"])
    document.querySelector(target).dispatchEvent(
      new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


@pytest.mark.long
def test_a_model_is_downloaded_and_looks_at_images(
    chromium: Browser, sqlite_store: Store, sqlite_settings: Settings, tmp_path: Path
) -> None:
    picture = tmp_path / "round.png"
    Image.radial_gradient("L").save(picture)
    page = chromium.new_page(viewport={"width": 1280, "height": 1000}, accept_downloads=True)
    page.set_default_timeout(30_000)
    with served_weights(sqlite_store, sqlite_settings) as lab:
        page.goto(f"{lab.url}/#key={KEY}")
        expect(page.locator("#status")).to_have_text("live")
        page.goto(f"{lab.url}/#trial/{lab.trial_id}")
        model = page.locator(".model")
        with page.expect_download() as started:
            model.get_by_role("button", name="Download").click()
        content = io.BytesIO(Path(started.value.path()).read_bytes())
        assert started.value.suggested_filename == f"{lab.trial_id}.zip"
        assert "model.py" in zipfile.ZipFile(content).namelist()

        model.locator("input").set_input_files(picture)
        expect(model.locator("caption")).to_have_text("What it sees in round.png")
        expect(model.locator(".classes tr")).to_have_count(5)
        expect(model.locator(".classes tr").first).to_contain_text("%")

        encoded = base64.b64encode(b"some notes").decode()
        page.evaluate(DROP, [".drop", "notes.png", encoded])
        expect(model.get_by_role("status")).to_contain_text("is not a PNG, JPEG, BMP or WebP image")
        encoded = base64.b64encode(picture.read_bytes()).decode()
        page.evaluate(DROP, [".drop", "dropped.png", encoded])
        expect(model.locator("caption")).to_have_text("What it sees in dropped.png")

        other = f"{lab.sweep_id}-000{1 - int(lab.trial_id[-1])}"
        page.goto(f"{lab.url}/#trial/{other}")
        expect(page.locator("#detail")).to_contain_text("There is a model once the trial has ended well.")
        page.goto(f"{lab.url}/#trial/{lab.trial_id}")
    page.close()
