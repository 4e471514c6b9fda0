"""When files of a run go together, and that whatever is refused goes by itself."""

from __future__ import annotations

from typing import Any

import pytest

from services.tracking import files_together
from services.tracking.artifacts import upload
from services.tracking.mlflow_server import Gone, MlflowRun, Rejected, Server, TrackingDown

RUN = MlflowRun("a", "1", False, "mlflow-artifacts:/1/a/artifacts", "RUNNING")
ELSEWHERE = MlflowRun("a", "1", False, "s3://bucket/1/a/artifacts", "RUNNING")
TWO = {"a.txt": "ä", "b/c.bin": b"\n\x00"}


class Recorded(Server):
    """A server that takes several files and records them."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__("http://mlflow:1")
        self.takes_several = True
        self.sent: list[bytes] = []
        self.alone: list[str] = []
        self.error = error

    def put(self, path: str, content: bytes) -> None:
        self.sent.append(content)
        if self.error:
            raise self.error

    def upload(self, run: MlflowRun, files: Any) -> None:
        self.alone += files


def test_files_go_in_one_body() -> None:
    server = Recorded()
    assert files_together.send(server, RUN, TWO)
    head = b'{"files": [["1/a/artifacts/a.txt", 2], ["1/a/artifacts/b/c.bin", 2]]}'
    assert server.sent == [head + b"\n" + "ä".encode() + b"\n\x00"]


@pytest.mark.parametrize("error", [TrackingDown("x"), Rejected("x"), Gone("x")])
def test_what_fails_together_goes_alone(error: Exception) -> None:
    server = Recorded(error)
    makers = {name: (lambda content=content: content) for name, content in TWO.items()}
    assert upload(server, RUN, makers) is None
    assert (len(server.sent), server.alone) == (1, ["a.txt", "b/c.bin"])


def test_one_file_or_a_server_that_does_not_take_them_or_their_place_or_their_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Recorded()
    assert not files_together.send(server, RUN, {"a.txt": "1"})
    assert not files_together.send(server, RUN, {})
    assert not files_together.send(server, ELSEWHERE, TWO)
    server.takes_several = False
    assert not files_together.send(server, RUN, TWO)
    server.takes_several = True
    monkeypatch.setattr(files_together, "MAX_BYTES_TOGETHER", 3)
    assert not files_together.send(server, RUN, TWO)
    assert server.sent == []
    monkeypatch.setattr(files_together, "MAX_BYTES_TOGETHER", 4)
    assert files_together.send(server, RUN, TWO)
