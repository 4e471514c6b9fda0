"""Hooks of the fuzz run: half of the ids and specs that schemathesis makes up become such as there are."""

from __future__ import annotations

import json
import os
from typing import Any

import schemathesis

from services.api.examples import EXAMPLE_SPECS

KNOWN: dict[str, list[str]] = json.loads(os.environ["FUZZ_KNOWN"])


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Replace parameters by known values, by a hash of what was generated so that a run can be repeated."""
    for name, known in KNOWN.items():
        value = (path_parameters or {}).get(name)
        if isinstance(value, str) and path_parameters is not None:
            place = sum(value.encode("utf-8", "surrogatepass"))
            if place % 2 == 0 and value not in known:
                path_parameters[name] = known[place // 2 % len(known)]
    return path_parameters


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """Complete half of the generated specs by an example: what is not generated is as there."""
    if isinstance(body, dict) and len(json.dumps(body)) % 2:
        examples = [example["value"] for example in EXAMPLE_SPECS.values()]
        kept = {name: body[name] for name in ("seed", "description", "project") if name in body}
        return {**examples[len(str(body)) % len(examples)], **kept}
    return body
