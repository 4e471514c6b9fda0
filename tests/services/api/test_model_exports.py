"""services/api/model_exports.py: one export at a time."""

from __future__ import annotations

import pytest

from services.api.model_exports import ModelExports
from services.domain.errors import StateForbids


def test_a_second_export_waits_and_then_gives_up() -> None:
    exports = ModelExports(max_wait=0.01)
    with exports.turn(), pytest.raises(StateForbids, match="other models are being exported"), exports.turn():
        pass
    with exports.turn():
        pass
