"""The Python client of the HTTP API: a method for everything that can be done with sweeps and trials."""

from services.client.client import Client
from services.client.connection import View
from services.client.errors import AmbiguousId, AnswerLost, ApiError
from services.client.events import SweepEvent

__all__ = ["AmbiguousId", "AnswerLost", "ApiError", "Client", "SweepEvent", "View"]
