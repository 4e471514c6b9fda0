"""The pages' files over HTTP: without a key, under a strict policy, complete, nothing from elsewhere."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

ROOT = Path(__file__).parents[4]
FILES = sorted(path.name for path in (ROOT / "services" / "api" / "page").iterdir() if path.is_file())
NO_KEY = {"Authorization": ""}


@pytest.mark.parametrize("path", ["/", "/docs", *(f"/page/{name}" for name in FILES)])
def test_every_file_is_served_without_the_key_and_under_the_policy(sqlite_api: TestClient, path: str) -> None:
    answer = sqlite_api.get(path, headers=NO_KEY)
    assert answer.status_code == 200
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'self'"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert policy["frame-ancestors"] == policy["form-action"] == policy["base-uri"] == "'none'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    head = sqlite_api.head(path, headers=NO_KEY)
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    ("name", "kind"), [("index.html", "html"), ("main.js", "javascript"), ("page.css", "css")]
)
def test_a_file_says_what_it_is(sqlite_api: TestClient, name: str, kind: str) -> None:
    assert sqlite_api.get(f"/page/{name}").headers["content-type"] == f"text/{kind}; charset=utf-8"


@pytest.mark.parametrize("name", ["none.js", "..%2fapp.py", "%2e%2e/app.py", "../routes/page.py", ""])
def test_nothing_else_is_served(sqlite_api: TestClient, name: str) -> None:
    assert sqlite_api.get(f"/page/{name}").status_code == 404


@pytest.mark.parametrize("name", FILES)
def test_nothing_comes_from_elsewhere(name: str) -> None:
    text = (ROOT / "services" / "api" / "page" / name).read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[\w./-]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"[\"'(]//\w", text)


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith((".js", ".html"))])
def test_no_file_makes_markup_or_code_of_text(name: str) -> None:
    text = (ROOT / "services" / "api" / "page" / name).read_text(encoding="utf-8")
    sinks = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\son\w+=|style=|srcdoc"
    )
    assert not re.search(sinks, text)
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style", text)


def test_what_files_name_is_there() -> None:
    folder = ROOT / "services" / "api" / "page"
    named = {
        name
        for file in FILES
        for name in re.findall(r"(?:\./|page/)([\w-]+\.\w+)\"", (folder / file).read_text(encoding="utf-8"))
    }
    assert named <= set(FILES)
    assert {"main.js", "page.css", "dom.js"} <= named


def test_the_package_carries_the_files() -> None:
    there = {file.name for file in (resources.files("services.api") / "page").iterdir()}
    assert set(FILES) <= there
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["setuptools"]["package-data"]["services.api"] == ["page/*"]
    assert "!services" in (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
