"""A stateful fuzz run over the OpenAPI description: `make check-api`. No test of the suite: it takes minutes.

It passes if no answer is a 5xx, each is as it is described, every status is explained in docs/http.md, and
almost every route has been reached by a success.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from api_fuzz.recorder import Recorder
from plain_settings import settings_for
from pydantic import SecretStr
from served_api import ServedApi
from stage import furnish

from services.store import trials
from services.store.session import Store

ROOT = Path(__file__).parents[2]
KEY = "k" * 32
MIN_REACHED = 0.95  # of the routes, by a 2xx
MAX_SECONDS = 150
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)


@pytest.mark.timeout(400)
def test_the_api_is_as_it_is_described(sqlite_url: str, tmp_path: Path) -> None:
    settings = settings_for(sqlite_url, tmp_path).model_copy(
        update={"api_key": SecretStr(KEY), "lease_ttl": 3600.0}
    )
    store = Store(settings.database_url)
    ids = list(furnish(store).values())
    found = store.read(lambda s: [t.id for one in ids for t in trials.page(s, one, 4, -1, (), None)])
    store.close()
    known = {"sweep_id": ids, "trial_id": found, "kind": ["layers"], "name": ["dense"]}
    recorder = Recorder()
    api = ServedApi(settings, recorder.wrap)
    try:
        recorder.know(httpx2.get(f"{api.url}/openapi.json").json())
        done = fuzz(api.url, known, tmp_path)
    finally:
        api.stop()
    sys.stdout.write(f"\n{done.stdout}\n{report(recorder)}\n")
    statuses = {status for counts in recorder.statuses.values() for status in counts}
    assert not [status for status in statuses if status >= 500]
    assert statuses <= explained(), "docs/http.md does not explain them all"
    reached = [route for route, counts in recorder.statuses.items() if any(s < 300 for s in counts)]
    assert len(reached) >= MIN_REACHED * len(recorder.statuses)
    assert done.returncode == 0


def fuzz(url: str, known: dict[str, list[str]], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run schemathesis in a process of its own."""
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json"),
        *("--header", f"Authorization: Bearer {KEY}", "--checks", ",".join(CHECKS)),
        *("--max-time", str(MAX_SECONDS), "--max-examples", "40", "--seed", "1", "--no-color"),
        *("--request-timeout", "30", "--continue-on-failure", "--warnings", "off"),
    ]
    paths = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    env = {**os.environ, "PYTHONPATH": paths, "SCHEMATHESIS_HOOKS": "hooks", "FUZZ_KNOWN": json.dumps(known)}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)


def explained() -> set[int]:
    """The statuses of docs/http.md, and the plain successes."""
    table = re.findall(r"^\| ((?:\d{3}(?:, )?)+) \|", (ROOT / "docs" / "http.md").read_text(), re.MULTILINE)
    return {200, 201, 202} | {int(status) for row in table for status in row.split(", ")}


def report(recorder: Recorder) -> str:
    """The statuses of each route, and how many routes a success has reached."""
    lines = [
        f"{verb:6} {route:42} " + ", ".join(f"{status}: {count}" for status, count in sorted(counts.items()))
        for (verb, route), counts in sorted(recorder.statuses.items(), key=lambda item: item[0][::-1])
    ]
    reached = sum(any(status < 300 for status in counts) for counts in recorder.statuses.values())
    requests = sum(counts.total() for counts in recorder.statuses.values())
    return "\n".join([*lines, f"{requests} requests; {reached} of {len(lines)} routes reached by a success"])
