"""The Python client of the HTTP API: everything a person or a program does with sweeps and trials."""

from services.client.client import Client
from services.client.connection import View
from services.client.errors import ApiError
from services.client.events import Event

__all__ = ["ApiError", "Client", "Event", "View"]
