"""The API as methods: submit, look up, control, export, reproduce, fork and predict."""

from __future__ import annotations

import csv
import io
import json
import math
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Literal, Self

import httpx2

from services.client import frames
from services.client.connection import MAX_OUTAGE_SECONDS, PAGE_ITEMS, Connection, View, address
from services.client.errors import AnswerLost, ApiError
from services.client.events import SweepEvent, follow
from services.client.ids import Ids
from services.domain.states import SWEEP_FINAL

if TYPE_CHECKING:
    import pandas

PLANNING_PAUSE = 1.0  # seconds before the API is asked again for a sweep that it is planning
RESUBMIT_PAUSES = (0.5, 2.0, 5.0, 10.0, 20.0)  # seconds before a submit whose answer was lost is sent again
LOST_STATUSES = (502, 503, 504)  # of answers that leave open whether anything was written
MODEL_SECONDS = 300.0  # that a model may take to be written before its first byte comes
HELD_SECONDS = 20.0  # that the API may hold one request back, less than the time-out of one
RETRY_PAUSE = 1.0  # seconds before an API that went away is asked again
PAGE_TRIALS = 1000  # of a sweep, fetched with one request


class Client:
    """A connection to one API; use it in a `with` block or close it.

    Every method returns the API's JSON. Raises `ApiError` if the API refuses, `httpx2.TransportError` if
    nothing answers at the address, and `AnswerLost` where that leaves open whether a sweep was submitted.
    An id may be given by its beginning, 3f8 or 3f8-0007; `AmbiguousId` if several sweeps begin so.
    """

    def __init__(self, url: str, key: str, timeout: float = 30.0) -> None:
        self._api = Connection(url, key, timeout)
        self._ids = Ids(self._api)

    def __enter__(self) -> Self:
        """Use the connections in a block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def submit(
        self,
        spec: Mapping[str, Any],
        key: str | None = None,
        dry_run: bool = False,
        on_wait: Callable[[str], None] = lambda _: None,
    ) -> View:
        """Submit a sweep; returns it, or for a dry run what it would be.

        `key` names this submission: the same key and spec again return the same sweep, another spec with that
        key is refused. Without one a key is made here, so that a resubmit after a lost answer adds no sweep.
        A plan that takes long is waited for; `on_wait` gets a sentence then, every 20 seconds. `AnswerLost`
        if the answer was lost several times.
        """
        # What the API refuses, such as NaN and dates, is sent too: its error message is the best one.
        body = json.dumps(dict(spec), default=str)
        params = {"dry_run": "true"} if dry_run else {}
        try:
            return self._make("/sweeps", key, on_wait, content=body, params=params)
        except AnswerLost as lost:
            if dry_run:
                raise lost.cause from None
            raise

    def sweeps(
        self,
        *,
        state: Sequence[str] = (),
        project: str | None = None,
        name: str | None = None,
        limit: int | None = None,
    ) -> Iterator[View]:
        """Sweeps, newest first: those in one of the states, of this project, with `name` in their name."""
        filters = {"state": list(state) or None, "project": project, "name": name}
        return self._api.items("/sweeps", "sweeps", filters, limit)

    def sweep(self, sweep_id: str) -> View:
        """One sweep."""
        return self._api.request("GET", self._address("sweeps", sweep_id))

    def pause(self, sweep_id: str) -> View:
        """Pause a sweep: its running trials save a checkpoint and release their devices."""
        return self._do("sweeps", sweep_id, "pause")

    def resume(self, sweep_id: str) -> View:
        """Resume a paused sweep."""
        return self._do("sweeps", sweep_id, "resume")

    def stop(self, sweep_id: str) -> View:
        """Stop a sweep: trials that have begun are finished, no others are started."""
        return self._do("sweeps", sweep_id, "stop")

    def cancel(self, sweep_id: str) -> View:
        """Cancel a sweep: running trials stop at their worker's next heartbeat."""
        return self._do("sweeps", sweep_id, "cancel")

    def retry(self, sweep_id: str) -> View:
        """Retry a sweep's failed and cancelled trials."""
        return self._do("sweeps", sweep_id, "retry")

    def extend(
        self,
        sweep_id: str,
        *,
        epochs: int | None = None,
        seeds: int | None = None,
        points: Sequence[Mapping[str, Any]] | None = None,
        on_wait: Callable[[str], None] = lambda _: None,
    ) -> View:
        """Continue a sweep that has ended, in a new one that has more of something and reuses its trials.

        `points` are those to add, with values by the names of axes; `on_wait` is as for `submit`.
        """
        given = {"epochs": epochs, "seeds": seeds, "points": points}
        body = {name: value for name, value in given.items() if value is not None}
        return self._make(self._address("sweeps", sweep_id, "extend"), None, on_wait, json=body)

    def set_priority(self, sweep_id: str, priority: int) -> View:
        """Serve a sweep before those of a lower priority, from -10 to 10."""
        path = self._address("sweeps", sweep_id, "priority")
        return self._api.request("POST", path, json={"priority": priority})

    def edit(self, sweep_id: str, *, name: str | None = None, description: str | None = None) -> View:
        """Change a sweep's name, its description or both; what is None stays."""
        given = {"name": name, "description": description}
        body = {field: value for field, value in given.items() if value is not None}
        return self._api.request("PATCH", self._address("sweeps", sweep_id), json=body)

    def delete(self, sweep_id: str, dry_run: bool = False) -> View:
        """Delete a sweep that has ended, with its files and its runs in MLflow; returns what goes.

        With `dry_run` nothing is deleted.
        """
        params = {"dry_run": "true"} if dry_run else {}
        return self._api.request("DELETE", self._address("sweeps", sweep_id), params=params)

    def leaderboard(self, sweep_id: str, limit: int | None = None) -> View:
        """A sweep's best points, at most `limit`, and how the first two compare."""
        path = self._address("sweeps", sweep_id, "leaderboard")
        first = self._api.request("GET", path, params={"limit": min(limit or PAGE_ITEMS, PAGE_ITEMS)})
        left = None if limit is None else limit - PAGE_ITEMS
        rest = self._api.items(path, "points", {"after": first["next"]}, left)
        points = [*first["points"], *(rest if first["next"] else ())]
        return {"points": points, "comparison": first["comparison"]}

    def best(self, sweep_id: str) -> View:
        """A sweep's best point, and a spec that trains it again."""
        return self._api.request("GET", self._address("sweeps", sweep_id, "best"))

    def effects(self, sweep_id: str, epoch: int | None = None) -> View:
        """What the values of a sweep's axes do to its objective, and how important each axis is.

        Points are compared at this epoch, or at the last one that all of them have reached.
        """
        chosen = {} if epoch is None else {"epoch": epoch}
        return self._api.request("GET", self._address("sweeps", sweep_id, "effects"), params=chosen)

    def sweep_figure(
        self,
        sweep_id: str,
        figure: Literal["effects", "heat-map", "parallel", "history"],
        file: IO[bytes],
        *,
        x: str | None = None,
        y: str | None = None,
        epoch: int | None = None,
    ) -> None:
        """Write a figure of a sweep to a file, as SVG; `x` and `y` name the axes of a heat map.

        `epoch` is the one at which points are compared.
        """
        path = self._address("sweeps", sweep_id, "figures", f"{figure}.svg")
        given = (("x", x), ("y", y), ("epoch", epoch))
        chosen = {name: str(each) for name, each in given if each is not None}
        with self._api.stream(path, params=chosen) as body:
            for piece in body:
                file.write(piece)

    def trials(
        self,
        sweep_id: str,
        *,
        state: Sequence[str] = (),
        point: int | None = None,
        limit: int | None = None,
    ) -> Iterator[View]:
        """A sweep's trials, by number: those in one of the states, of this point."""
        path = self._address("sweeps", sweep_id, "trials")
        return self._api.items(
            path, "trials", {"state": list(state) or None, "point": point}, limit, PAGE_TRIALS
        )

    def trial(self, trial_id: str) -> View:
        """One trial with its config, curve and attempts."""
        return self._api.request("GET", self._address("trials", trial_id))

    def cancel_trial(self, trial_id: str) -> View:
        """Cancel a trial; if it runs, it stops at its worker's next heartbeat."""
        return self._do("trials", trial_id, "cancel")

    def retry_trial(self, trial_id: str) -> View:
        """Retry a failed, cancelled or pruned trial."""
        return self._do("trials", trial_id, "retry")

    def reproduce(self, trial_id: str) -> View:
        """Submit a sweep of one trial that repeats this one, with its seed, width and row."""
        return self._make(self._address("trials", trial_id, "reproduce"), None, lambda _: None)

    def fork(self, trial_id: str, changes: Mapping[str, Any] | None = None) -> View:
        """Submit a sweep of one trial that goes on from this one's weights, with these values by path."""
        body = json.dumps({"set": dict(changes or {})}, default=str)
        return self._make(self._address("trials", trial_id, "fork"), None, lambda _: None, content=body)

    def events(self, sweep_id: str | None = None, after: str | None = None) -> Iterator[SweepEvent]:
        """Events as they happen: of one sweep until it ends, or of all sweeps without end.

        With `after`, the id of an event, the stream begins behind that event. Without it, that of one sweep
        begins with its first event and that of all sweeps with the next one. A broken connection is opened
        again, for up to `MAX_OUTAGE_SECONDS`, and no event is lost.
        """
        path = "/events" if sweep_id is None else self._address("sweeps", sweep_id, "events")
        return follow(self._api, path, after)

    def export(
        self, sweep_id: str, what: Literal["trials", "curves"], form: Literal["csv", "json"], file: IO[bytes]
    ) -> None:
        """Write a sweep's trials or curves to a file as they arrive; an export may be of any size."""
        path = self._address("sweeps", sweep_id, "export", what)
        with self._api.stream(path, params={"format": form}) as body:
            for piece in body:
                file.write(piece)

    def frame(self, sweep_id: str) -> pandas.DataFrame:
        """A sweep's trials as a pandas frame, a row for each; `MissingFrames` without pandas."""
        return self._table(sweep_id, "trials")

    def curves(self, sweep_id: str) -> pandas.DataFrame:
        """A sweep's curves as a pandas frame, a row for each epoch of each trial; none before the first."""
        return self._table(sweep_id, "curves")

    def _table(self, sweep_id: str, what: Literal["trials", "curves"]) -> pandas.DataFrame:
        content = io.BytesIO()
        self.export(sweep_id, what, "json", content)
        rows = json.loads(content.getvalue())
        return frames.table(rows, None if rows else self._columns(sweep_id, what))

    def _columns(self, sweep_id: str, what: Literal["trials", "curves"]) -> list[str]:
        """The names of a table's columns, from the header of CSV: JSON without a row has none."""
        content = io.BytesIO()
        self.export(sweep_id, what, "csv", content)
        return next(csv.reader(io.StringIO(content.getvalue().decode())))

    def register(self, sweep_id: str, name: str, alias: str | None = None) -> View:
        """Make the model of a sweep's best trial a version of a name in MLflow, with an alias if given."""
        body = {"name": name, "alias": alias}
        return self._api.request("POST", self._address("sweeps", sweep_id, "register"), json=body)

    def model(self, trial_id: str, file: IO[bytes]) -> None:
        """Write a trial's model to a file, a zip: model.py, model.safetensors, model.onnx, card.md."""
        path = self._address("trials", trial_id, "model")
        with self._api.stream(path, silence=MODEL_SECONDS) as body:
            for piece in body:
                file.write(piece)

    def predict(self, trial_id: str, image: bytes) -> View:
        """What a trial's model sees in an image file: its classes, best first."""
        headers = {"Content-Type": "application/octet-stream"}
        path = self._address("trials", trial_id, "predict")
        return self._api.request("POST", path, content=image, headers=headers)

    def catalog(self) -> View:
        """Every entry that a spec can name, by kind and name."""
        return self._api.request("GET", "/catalog")

    def entry(self, kind: str, name: str) -> View:
        """One entry of the catalog."""
        return self._api.request("GET", address("catalog", kind, name))

    def workers(self) -> View:
        """The workers and their devices."""
        return self._api.request("GET", "/workers")

    def watch(self, sweep_id: str, every: float = 1.0) -> Iterator[View]:
        """Views of a sweep, one every `every` seconds, up to and including the one in which it has ended.

        An API that goes away is waited for, up to `MAX_OUTAGE_SECONDS`.
        """
        for view in self._views(sweep_id, dict, every):
            yield view
            if view["state"] in SWEEP_FINAL:
                return
            time.sleep(every)

    def wait(self, sweep_id: str, seconds: float = math.inf) -> View:
        """Wait until a sweep has ended, or for so many seconds; returns it as it is then.

        The API answers late instead of often, which costs it a tenth of being asked all the time. One that
        goes away is waited for, up to `MAX_OUTAGE_SECONDS`.
        """
        end = time.monotonic() + seconds

        def held() -> dict[str, float]:
            return {"wait": max(0.0, min(HELD_SECONDS, end - time.monotonic()))}

        for view in self._views(sweep_id, held, RETRY_PAUSE):
            if view["state"] in SWEEP_FINAL or time.monotonic() >= end:
                return view
        raise AssertionError("unreachable")

    def _views(self, sweep_id: str, params: Callable[[], dict[str, float]], pause: float) -> Iterator[View]:
        """One answer after another; an API that has answered and goes away is asked again after pauses."""
        last_answer: float | None = None
        while True:
            try:
                view = self._api.request("GET", self._address("sweeps", sweep_id), params=params())
            except (ApiError, httpx2.TransportError) as error:
                refused = isinstance(error, ApiError) and error.status < 500
                if refused or last_answer is None or time.monotonic() - last_answer > MAX_OUTAGE_SECONDS:
                    raise
                time.sleep(pause)
            else:
                last_answer = time.monotonic()
                yield view

    def _address(self, noun: str, identity: str, *rest: str) -> str:
        """The path of a sweep or a trial, or of what is below it."""
        return address(noun, self._ids.full(identity), *rest)

    def _do(self, noun: str, identity: str, verb: str) -> View:
        return self._api.request("POST", self._address(noun, identity, verb))

    def _make(self, path: str, key: str | None, on_wait: Callable[[str], None], **how: Any) -> View:
        """Have a sweep made, once, however often the request has to be sent."""
        key = key or uuid.uuid4().hex
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        pauses, lost = iter(RESUBMIT_PAUSES), False
        while True:
            try:
                answer = self._api.request("POST", path, headers=headers, **how)
            except (httpx2.TransportError, ApiError) as error:
                if isinstance(error, ApiError) and error.status not in LOST_STATUSES:
                    raise
                # Without a connection nothing was submitted, so no answer can be lost.
                lost = lost or not isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)
                if not lost:
                    raise
                if (pause := next(pauses, None)) is None:
                    raise AnswerLost(key, error) from None
                on_wait(f"The API's answer was lost ({error}); asking again, which makes no second sweep.")
                time.sleep(pause)
                continue
            if "planning_seconds" not in answer:
                return answer
            pauses, lost = iter(RESUBMIT_PAUSES), True
            seconds = answer["planning_seconds"]
            on_wait(f"The API has been planning this sweep for {seconds:.0f} s; waiting for it.")
            time.sleep(PLANNING_PAUSE)
