"""The plot: well-formed, a bar for each side, as long as its ratio says."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from benchmarks.rivals import plot

SVG = "{http://www.w3.org/2000/svg}"
TITLES = {"tuned": "tuned & fast", "service": "cnnlab"}


def drawn(*runs: tuple[str, float]) -> ElementTree.Element:
    usual = {"task": "lenet5", "mode": "warm", "cpu": 1.0, "accuracies": [0.8]}
    return ElementTree.fromstring(plot.svg([usual | {"side": s, "wall": wall} for s, wall in runs], TITLES))


def test_bars_are_ratios() -> None:
    figure = drawn(("tuned", 30.0), ("service", 10.0))
    _, tuned, ours = figure.findall(f"{SVG}rect")
    assert float(tuned.attrib["width"]) == pytest.approx(3 * float(ours.attrib["width"]), rel=1e-2)
    assert ours.attrib["fill"] == plot.OURS_COLOR != tuned.attrib["fill"]
    texts = [text.text for text in figure.findall(f"{SVG}text")]
    assert "tuned & fast" in texts
    assert "3.00× (30.0 s)" in texts


def test_a_task_without_the_service_has_no_bars() -> None:
    assert len(drawn(("tuned", 30.0)).findall(f"{SVG}rect")) == 1
