"""What identifies a trial: its seed, its short name, and the values of its axes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any


def trial_seed(sweep_seed: int, point: int, replicate: int) -> int:
    """The 31-bit seed of a trial's initial weights and masks: SHA-256 of sweep seed, point and replicate."""
    text = f"{sweep_seed}/{point}/{replicate}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:4], "big") >> 1


def short_value(value: Any) -> str:
    """A value in few characters: 0.0001 → `1e-4`, {"name": "adam", …} → `adam`, {"strength": 1, …} → `1`."""
    if isinstance(value, Mapping):
        return short_value(value.get("name", _first(value)))
    if isinstance(value, float):
        plain = f"{value:.6g}".replace("e-0", "e-").replace("e+0", "e")
        mantissa, exponent = f"{value:.5e}".split("e")
        return min(plain, f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}", key=len)
    if isinstance(value, list):
        return "-".join(short_value(v) for v in value)
    return str(value)


def short_name(number: int, values: Mapping[str, Any]) -> str:
    """A run's name in about 20 characters: `t007 dro.25 adam l2 1e-4`."""
    parts = [f"t{number:03d}"]
    for path, given in values.items():
        leaf = path.rsplit(".", 1)[-1]
        value = _first(given) if isinstance(given, Mapping) and "name" not in given else given
        text = short_value(value)
        if isinstance(value, Mapping | str):
            parts.append(text)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            parts.append(f"{leaf[:3]} {text.removeprefix('0') if text.startswith('0.') else text}")
        else:
            parts.append(f"{leaf[:3]} {text}")
    return " ".join(parts)


def _first(value: Mapping[str, Any]) -> Any:
    """What an object without a name is known by: the first of its values."""
    return next(iter(value.values()), "")
