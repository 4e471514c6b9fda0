"""Ids that are given by their beginning, completed before a request names them."""

from __future__ import annotations

import re

from services.client.connection import Connection
from services.client.errors import AmbiguousId

SWEEP_ID_DIGITS = 10  # hexadecimal
BEGINNING = re.compile(rf"[0-9a-f]{{1,{SWEEP_ID_DIGITS - 1}}}")
MAX_CANDIDATES = 5  # that an error names


class Ids:
    """Completes ids with the sweeps that one API has; each beginning is looked up once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._found: dict[str, str] = {}

    def full(self, identity: str) -> str:
        """The id of the sweep, or of the trial, that begins so; `AmbiguousId` if several sweeps do.

        What is no beginning of an id, or of none, is returned as it is: the API says that it is unknown.
        """
        beginning, dash, number = identity.partition("-")
        if not BEGINNING.fullmatch(beginning):
            return identity
        if beginning not in self._found:
            page = self._connection.request(
                "GET", "/sweeps", params={"id": beginning, "limit": MAX_CANDIDATES}
            )
            if len(page["sweeps"]) > 1:
                raise AmbiguousId(beginning, page["sweeps"], page["next"] is not None)
            if not page["sweeps"]:
                return identity
            self._found[beginning] = page["sweeps"][0]["id"]
        return f"{self._found[beginning]}{dash}{number}"
