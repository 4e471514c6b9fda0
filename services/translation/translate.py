"""A sweep file of another tool as a spec with comments; which tool's is seen from its content."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from services.translation.compose import compose
from services.translation.draft import Draft
from services.translation.errors import TranslationError
from services.translation.formats import katib, nni, wandb

WANTED = (
    "a sweep of W&B (method and parameters), an Experiment of Katib (kind: Experiment), or a search space or "
    "configuration of NNI (_type and _value, or searchSpace)"
)


def translate(
    document: Mapping[str, Any], fallback: str, other_file: Callable[[str], Mapping[str, Any]]
) -> Draft:
    """Translate what a file holds; `fallback` is the sweep's name where the file has none.

    `other_file` reads a file that this one names. `TranslationError` for a file of no known format, and where
    its own tool would refuse it.
    """
    if katib.matches(document):
        return compose(katib.read(document), fallback)
    if wandb.matches(document):
        return compose(wandb.read(document), fallback)
    if nni.matches(document):
        return compose(nni.read(document, other_file), fallback)
    raise TranslationError(f"must be {WANTED}; {_instead(document)}")


def _instead(document: Mapping[str, Any]) -> str:
    """What the file seems to be."""
    keys = ", ".join(map(str, list(document)[:6])) or "none"
    if "space" in document and "name" in document:
        return "this is a spec of cnnlab, which cnnlab submit takes as it is"
    if "hydra" in document or "defaults" in document:
        return "this looks like Hydra's, which docs/coming-from.md shows beside its translation"
    return f"got the keys {keys}"
