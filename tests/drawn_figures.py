"""Reading drawn figures: what an XML parser finds in them."""

from __future__ import annotations

from xml.etree import ElementTree
from xml.etree.ElementTree import Element

NAMESPACE = "{http://www.w3.org/2000/svg}"
# Nothing that runs, loads or styles: an SVG file can be opened by itself.
ELEMENTS = {"svg", "title", "rect", "text", "path", "g", "circle", "image"}


def parsed(document: str) -> Element:
    """The document as XML; it holds known elements only."""
    root = ElementTree.fromstring(document)
    assert {each.tag.removeprefix(NAMESPACE) for each in root.iter()} <= ELEMENTS
    for each in root.iter():
        assert not [name for name in each.attrib if name.startswith("on") or name == "style"]
    return root


def texts(root: Element) -> list[str]:
    """Every text that is drawn."""
    return [each.text or "" for each in root.iter(f"{NAMESPACE}text")]


def all_of(root: Element, tag: str) -> list[Element]:
    """Every element of a kind."""
    return list(root.iter(f"{NAMESPACE}{tag}"))
