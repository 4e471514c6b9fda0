"""What large bodies cost the API: how long /health takes while 20 arrive at once, with and without the key.

    python -m benchmarks.door

One API process on SQLite; raw sockets on loopback send the bodies, and /health is asked every 5 ms meanwhile.
Memory is the process's peak above what it had when idle; CPU seconds are the process's own.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection

from benchmarks.api_process import Api, ask_health, running
from migrations.apply import upgrade
from services.api.body import MAX_TOKENS

KEY = secrets.token_hex(16)
BODIES_AT_ONCE, WAVES, REFUSED_IN_TURN = 20, 5, 300
MB = 1_000_000
BODIES: dict[str, Callable[[int], bytes]] = {
    "nested lists": lambda size: b"[" + b"[[[]]]," * ((size - 8) // 7) + b"[]]",
    "numbers": lambda size: b"[" + b"1," * ((size - 3) // 2) + b"1]",
}


def largest_spec() -> bytes:
    """A body with almost as many values as are parsed, which pydantic takes longest to refuse."""
    axes = {f"axis-{number}": {"unknown": 1} for number in range(MAX_TOKENS // 4 - 10)}
    return json.dumps({"name": "x", "space": axes}).encode()


@contextlib.contextmanager
def on_sqlite() -> Iterator[Api]:
    """Start an API on a database of its own."""
    with tempfile.TemporaryDirectory() as folder:
        database = f"sqlite:///{folder}/state.db"
        upgrade(database)
        settings = {
            "CNNLAB_DATABASE_URL": database,
            "CNNLAB_REDIS_URL": "redis://127.0.0.1:1/0",
            "CNNLAB_FILES": folder,
            "CNNLAB_API_KEY": KEY,
        }
        with running(settings) as api:
            yield api


def post(port: int, body: bytes, key: str | None) -> int:
    """Send a body and read the status, also of an answer that comes before its end; 0 if none comes."""
    head = (
        "POST /v1/sweeps?dry_run=true HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n" + (f"Authorization: Bearer {key}\r\n" if key else "") + "\r\n"
    )
    with socket.create_connection(("127.0.0.1", port)) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(head.encode())
            connection.sendall(body)  # apart: a copy of 50 MB would keep the other threads waiting
        try:
            answer = connection.recv(4096)
        except ConnectionError:
            return 0
        return int(answer.split(b" ", 2)[1]) if answer else 0


def health_during(api: Api, work: Callable[[], None]) -> list[float]:
    """Ask /health every 5 ms while some work is done; the seconds that each answer took."""
    done, times = threading.Event(), list[float]()

    def ask() -> None:
        connection = HTTPConnection("127.0.0.1", api.port)
        while not done.is_set():
            start = time.perf_counter()
            ask_health(connection)
            times.append(time.perf_counter() - start)
            time.sleep(0.005)

    asking = threading.Thread(target=ask)
    asking.start()
    work()
    done.set()
    asking.join()
    return times


def shown(times: list[float]) -> str:
    """The percentiles of some times, in milliseconds."""
    ordered = sorted(times)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    ms = [statistics.median(times) * 1e3, p99 * 1e3, ordered[-1] * 1e3]
    return "/health p50 {:.1f}, p99 {:.1f}, max {:.1f} ms".format(*ms) + f" (n = {len(times)})"


def attack(api: Api, name: str, body: bytes, key: str | None) -> None:
    """Send bodies at once, several times, and print what happened."""
    statuses: list[int] = []

    def send() -> None:
        for _ in range(WAVES):
            threads = [
                threading.Thread(target=lambda: statuses.append(post(api.port, body, key)))
                for _ in range(BODIES_AT_ONCE)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    api.forget_peak()
    idle, start = api.peak_mb(), time.perf_counter()
    times = health_during(api, send)
    seconds = time.perf_counter() - start
    counts = {status: statuses.count(status) for status in sorted(set(statuses))}
    sys.stdout.write(
        f"{BODIES_AT_ONCE} × {len(body) / MB:.2g} MB of {name}, {'with' if key else 'without'} the key: "
        f"{shown(times)}; {seconds / WAVES:.1f} s each; {api.peak_mb() - idle:.0f} MB; answers {counts}\n"
    )


def refused(api: Api, size: int) -> None:
    """Print what one request without the key costs."""
    body = BODIES["numbers"](size)
    post(api.port, body, None)
    api.forget_peak()
    idle, before = api.peak_mb(), api.cpu_seconds
    for _ in range(REFUSED_IN_TURN):
        post(api.port, body, None)
    cost = (api.cpu_seconds - before) / REFUSED_IN_TURN
    sys.stdout.write(
        f"a request of {size / MB:g} MB without the key: {cost * 1e3:.2f} ms of CPU, "
        f"{(api.peak_mb() - idle) * 1000:.0f} kB (n = {REFUSED_IN_TURN})\n"
    )


def main() -> None:
    """Measure and print."""
    with on_sqlite() as api:
        sys.stdout.write(f"idle: {shown(health_during(api, lambda: time.sleep(2)))}\n")
        for size in (0.001, 0.05, 1):
            refused(api, int(size * MB))
        for key in (None, KEY):
            for size in (1, 50):
                for name, make in BODIES.items():
                    attack(api, name, make(size * MB), key)
        attack(api, "axes of an unknown form", largest_spec(), KEY)


if __name__ == "__main__":
    main()
