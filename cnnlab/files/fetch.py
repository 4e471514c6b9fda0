"""Download a file and keep it, complete or not at all."""

import os
import tempfile
from contextlib import closing
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from cnnlab.data import DataError
from cnnlab.files.download_progress import Progress

_TIMEOUT = 30.0  # seconds without data after which a server counts as down
_CHUNK = 1 << 16


def download(url: str, limit: int) -> bytes:
    """Download one file into memory, showing the progress on stderr.

    No response, an incomplete one, and one of more than `limit` bytes are a DataError. Nothing is written to
    disk before the file is complete, so a killed process leaves no partial file.
    """
    try:
        # The url is a constant of this package or of a plug-in, never a user's input.
        with urlopen(url, timeout=_TIMEOUT) as response:  # noqa: S310
            total = response.length
            body = bytearray()
            with closing(Progress(url, total)) as progress:
                while chunk := response.read(_CHUNK):
                    body += chunk
                    progress.add(len(chunk))
                    if len(body) > limit:
                        raise DataError(f"{url} must be at most {limit:,} bytes long, but is longer")
    except HTTPError as error:
        with error:  # closes the connection
            raise DataError(f"{url} answered {error.code} {error.reason}") from error
    except URLError as error:
        raise DataError(f"{url} cannot be reached: {error.reason}") from error
    except (OSError, HTTPException) as error:
        raise DataError(f"{url} was interrupted: {error}") from error
    if total is not None and len(body) != total:
        raise DataError(f"{url} was interrupted: got {len(body):,} of {total:,} bytes")
    return bytes(body)


def keep(content: bytes, path: Path) -> None:
    """Write a file that other processes see complete or not at all, even after a power failure.

    A folder that is not writable is a DataError.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise DataError(f"{path.parent} must be a writable folder: {error}") from error
    try:
        with open(descriptor, "wb") as file:
            os.fchmod(file.fileno(), 0o644)  # mkstemp's file is private, but a cache may be shared
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error}") from error
    finally:
        Path(partial).unlink(missing_ok=True)
