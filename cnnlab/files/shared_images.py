"""Images that are in two parts of a data set: what is measured on them is partly memory."""

from collections.abc import Callable, Hashable, Mapping, Sequence

PAIRS = (("val", "train"), ("test", "train"), ("test", "val"))
_WORDS = {"train": "training", "val": "validation", "test": "test"}


def shared(parts: Mapping[str, Sequence[Hashable]], name: Callable[[str, int], str]) -> tuple[str, ...]:
    """Return a sentence for each two parts that have images in common.

    Each image of a part has a key, and equal images have equal ones; `name` is an image's, by part and place.
    It is no refusal: many published data sets have some such images.
    """
    found = []
    for part, other in PAIRS:
        keys = parts.get(part, ())
        there: dict[Hashable, int] = {}
        for place, key in enumerate(parts.get(other, ()) if keys else ()):
            there.setdefault(key, place)
        if twice := [place for place, key in enumerate(keys) if key in there]:
            same = name(other, there[keys[twice[0]]])
            found.append(
                f"{len(twice):,} of {len(keys):,} {_WORDS[part]} images are {_WORDS[other]} images, "
                f"too: {name(part, twice[0])} is {same}"
            )
    return tuple(found)
