"""tests/served_api.py: an API of the tests stops, whoever follows a stream of events."""

from __future__ import annotations

import threading

import httpx2
from paper_sweep import write_sweep
from pydantic import SecretStr
from served_api import ServedApi

from services.settings import Settings
from services.store.session import Store


def test_it_stops_while_somebody_follows_a_sweep(sqlite_settings: Settings, sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store)
    served = ServedApi(sqlite_settings.model_copy(update={"api_key": SecretStr("k" * 32)}))
    client = httpx2.Client(headers={"Authorization": f"Bearer {'k' * 32}"}, timeout=30)
    with client, client.stream("GET", f"{served.url}/v1/sweeps/{sweep_id}/events") as answer:
        assert next(answer.iter_lines())  # the stream has begun
        stopping = threading.Thread(target=served.stop, daemon=True)
        stopping.start()
        stopping.join(20)
        assert not stopping.is_alive()
