"""The command line: start the service, submit sweeps, watch them. Imports no torch, no MLflow, no SQL."""

from services.cli.app import main

__all__ = ["main"]
