"""How single values are printed: numbers, counts, sizes, durations, times, states."""

from __future__ import annotations

from datetime import datetime

from rich.text import Text

STATE_STYLES = {
    "succeeded": "green",
    "failed": "red",
    "partial": "yellow",
    "cancelled": "yellow",
    "running": "cyan",
}


def number(value: float | None) -> str:
    """Four significant digits; empty without a value."""
    return "" if value is None else f"{value:.4g}"


def many(count: int, noun: str) -> str:
    """A count with its noun: `1 trial`, `18 trials`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def size(count: int) -> str:
    """Bytes in binary units: `12.3 MiB`."""
    amount, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.0f} {unit}" if amount >= 999.5 else f"{amount:.3g} {unit}"  # never 1e+03


def duration(seconds: float) -> str:
    """Seconds in one or two units: `89 s`, `2 min 5 s`, `2 h 1 min`."""
    whole = round(seconds)
    if whole < 90:
        return f"{whole} s"
    if whole < 5400:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def when(moment: str) -> str:
    """An RFC 3339 time in the local time zone, with its offset from UTC."""
    return datetime.fromisoformat(moment).astimezone().isoformat(" ", "seconds")


def state(name: str) -> Text:
    """A state in its colour."""
    return Text(name, style=STATE_STYLES.get(name, ""))
