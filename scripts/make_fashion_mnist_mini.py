"""Make the small Fashion-MNIST that ships with cnnlab, so that anyone can see how its images were chosen.

Run it as `python scripts/make_fashion_mnist_mini.py`, with Fashion-MNIST under $CNNLAB_DATA, installed by the
system, or fetched. It writes cnnlab/datasets/fashion-mnist-mini and shows what the entry must state.
"""

import hashlib
import lzma
import sys
from pathlib import Path

import torch

from cnnlab.datasets.fashion_mnist import FILES
from cnnlab.files.idx import decode, encode

FOLDER = Path(__file__).parents[1] / "cnnlab" / "datasets" / "fashion-mnist-mini"
PER_CLASS = {"train": 600, "test": 100}


def choose(part: str, labels: list[int], per_class: int) -> list[int]:
    """Return the indices of the images that stand for a part ("train" or "test") of the full set.

    Of each class, those `per_class` images whose text "<part> <index>" has the smallest SHA-256; in the order
    in which they stand in the full set. So the choice depends on no library and not on what the images show.
    """
    ranked = sorted(range(len(labels)), key=lambda index: hashlib.sha256(f"{part} {index}".encode()).digest())
    chosen = []
    for label in sorted(set(labels)):
        chosen += [index for index in ranked if labels[index] == label][:per_class]
    return sorted(chosen)


def contents() -> dict[str, bytes]:
    """Return the unpacked content of the four files by their names."""
    made = {}
    for part, x, y in (("train", FILES.train_x, FILES.train_y), ("test", FILES.test_x, FILES.test_y)):
        images, labels = (decode(FILES.content(file), file.name) for file in (x, y))  # (N, H, W), (N,)
        indices = torch.tensor(choose(part, labels.tolist(), PER_CLASS[part]))
        made[x.name], made[y.name] = encode(images[indices]), encode(labels[indices])
    return made


def main() -> None:
    """Write the files, packed with xz: a seventh smaller than gzip, which keeps them under 3 MB."""
    FOLDER.mkdir(exist_ok=True)
    for name, content in contents().items():
        packed = lzma.compress(content, preset=9 | lzma.PRESET_EXTREME)
        (FOLDER / f"{name}.xz").write_bytes(packed)
        digest = hashlib.sha256(content).hexdigest()
        sys.stdout.write(f"{name}: {len(content):_} bytes, SHA-256 {digest}, packed {len(packed):_}\n")


if __name__ == "__main__":
    main()
