"""Several files of a run in one request, which the stack's MLflow server takes."""

from __future__ import annotations

import json
from collections.abc import Mapping

from services.tracking import runs_endpoint
from services.tracking.mlflow_server import Gone, MlflowRun, Rejected, Server, TrackingDown

MAX_BYTES_TOGETHER = 20_000_000


def send(server: Server, run: MlflowRun, files: Mapping[str, str | bytes]) -> bool:
    """Upload files, given by their path within the run; False if each has to be uploaded by itself.

    Whatever went wrong shows there again: a file that is there is written once more.
    """
    folder = server.folder_of(run)
    if len(files) < 2 or folder is None or not server.takes_several:
        return False
    contents = {
        f"{folder}/{name}": each.encode() if isinstance(each, str) else each for name, each in files.items()
    }
    if sum(map(len, contents.values())) > MAX_BYTES_TOGETHER:
        return False
    head = json.dumps({"files": [[path, len(content)] for path, content in contents.items()]})
    try:
        server.put(runs_endpoint.FILES, b"\n".join((head.encode(), b"".join(contents.values()))))
    except (TrackingDown, Rejected, Gone):
        return False
    return True
