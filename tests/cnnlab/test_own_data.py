"""cnnlab/own_data.py: a class with __len__ and __getitem__ is a data set; wrong items are named."""

import pytest
import torch
from loaded_plugins import plugins_from
from plugin_files import add

from cnnlab import code_digest, registry, resolve
from cnnlab.data import DataError, data_set
from cnnlab.engine.cost import inspect
from cnnlab.errors import ConfigError, RegistryError
from cnnlab.fit import fit

HEAD = """
import numpy as np
import torch
from PIL import Image
from cnnlab.hyper import Int
from cnnlab.own_data import own_data
"""
STRIPES = """
@own_data
class Stripes:
    \"\"\"Stripes, along or across.\"\"\"

    class_names = ("along", "across")
    reads = 0

    def __init__(self, size: Int[4, 64] = 12, *, train):
        self.train, self.size = train, size
        Stripes.reads += 1

    def __len__(self):
        return 60 if self.train else 20

    def __getitem__(self, i):
        image = np.random.default_rng(i).integers(0, 100, (self.size, self.size)).astype(np.uint8)
        image[::2] += 100
        return (image if i % 2 else image.T), i % 2
"""
ITEM = """
@own_data
class Tried:
    def __len__(self):
        return 4

    def __getitem__(self, i):
        return ITEM
"""
PIXELS = "np.full((6, 5), i, np.uint8)"


def write(folder, text, name="tried_data"):
    add(folder, f"datasets/{name}.py", HEAD + text.lstrip("\n"))


def config(**data):
    return resolve({"model": {"name": "mlp", "hidden": [8]}, "data": {"name": "tried-data", **data}})


def images(folder, item):
    """The images of four items that are this expression of i."""
    write(folder, ITEM.replace("ITEM", item))
    own = config(validation=0)["data"]
    return data_set(own).load(own)


def refused(folder, item):
    """Why items of this expression are refused."""
    with pytest.raises(ConfigError) as caught:
        images(folder, item)
    assert caught.value.path == "data"
    return caught.value.message


def test_it_is_read_once_and_trains(plugin_folder):
    write(plugin_folder, STRIPES)
    own = config(size=8)
    entry = data_set(own["data"])
    facts = inspect(own)
    assert (facts.input, facts.classes, facts.class_names) == ((1, 8, 8), 2, ("along", "across"))
    loaded = entry.load(own["data"])
    assert loaded is entry.load(own["data"])
    assert (len(loaded.train_x), len(loaded.test_x)) == (60, 20)
    assert type(entry).items.reads == 4  # once for each part, and again for a few items
    assert config(size=8) == own
    assert type(entry).items.reads == 4
    train = {"epochs": 3, "batch_size": 10, "test": "each-epoch"}
    reports = fit({**own, "train": train})
    assert reports[-1].metrics["test/acc"] == 1
    assert entry.info(own["data"]).class_counts == (30, 30)


def test_its_digest_is_in_the_config_and_another_content_is_refused(plugin_folder):
    write(plugin_folder, STRIPES)
    own = config(size=8)["data"]
    assert len(own["sha256"]) == 64
    assert own["sha256"] != config(size=9)["data"]["sha256"]
    assert config(size=8, sha256=own["sha256"])["data"] == own
    changed = {**own, "sha256": "0" * 64}
    with pytest.raises(
        DataError, match=r"datasets/tried_data.py, line 14, Stripes: the data have SHA-256"
    ) as caught:
        data_set(changed).load(changed)
    assert f"the sweep was planned with {'0' * 64}: restore what the class reads, or submit again" in str(
        caught.value
    )
    assert "tried-data" in code_digest.entries.__wrapped__()


def test_the_digest_is_of_pixels_and_targets(plugin_folder):
    digests = set()
    for text in (STRIPES, STRIPES.replace("+= 100", "+= 101"), STRIPES.replace(", i % 2\n", ", 1 - i % 2\n")):
        with plugins_from(plugin_folder):
            write(plugin_folder, text)
            digests.add(config()["data"]["sha256"])
    assert len(digests) == 3


@pytest.mark.parametrize(
    ("item", "shape", "dtype"),
    [
        (f"({PIXELS}, i)", (1, 6, 5), torch.int64),
        (f"[torch.from_numpy({PIXELS}), torch.tensor(i)]", (1, 6, 5), torch.int64),
        ("(np.full((6, 5, 3), i, np.uint8), np.int32(i))", (3, 6, 5), torch.int64),
        ("(torch.full((3, 6, 5), i, dtype=torch.uint8), i)", (3, 6, 5), torch.int64),
        ("(Image.new('RGB', (5, 6), (i, 0, 0)), i)", (3, 6, 5), torch.int64),
        ("(Image.new('L', (5, 6), i), i)", (1, 6, 5), torch.int64),
    ],
)
def test_items_may_be_tensors_arrays_or_pictures(plugin_folder, item, shape, dtype):
    found = images(plugin_folder, item)
    assert found.train_x.shape == (4, *shape)
    assert found.train_x[:, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert found.train_y.tolist() == [0, 1, 2, 3]
    assert found.train_y.dtype == dtype
    assert len(found.test_x) == 0


def test_targets_of_a_regression_are_numbers(plugin_folder):
    text = ITEM.replace("class Tried:", 'class Tried:\n    task = "regression"')
    write(plugin_folder, text.replace("ITEM", f"({PIXELS}, i / 2)"))
    own = config(validation=0)
    assert own["train"]["loss"]["name"] == "square"
    entry = data_set(own["data"])
    assert entry.load(own["data"]).train_y.tolist() == [0, 0.5, 1, 1.5]
    facts = entry.info(own["data"])
    assert (facts.task, facts.classes) == ("regression", 1)
    write(plugin_folder, text.replace("ITEM", f"({PIXELS}, i / 0.0 if i else float('nan'))"), "tried_nan")
    with pytest.raises(ConfigError, match="item 0: the target must be a finite number, got nan"):
        resolve({"model": "mlp", "data": "tried-nan"})


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (PIXELS, "item 0 must be a pair, an image and its target; got ndarray"),
        (f"({PIXELS}, i, 0)", "item 0 must be a pair, an image and its target; got tuple of 3"),
        ("(np.zeros((6, 5)), i)", "item 0: the image must be pixels from 0 to 255, uint8; got float64"),
        (
            "(np.zeros((6, 5 + i // 2), np.uint8), i)",
            "item 2 must be shaped as item 0, (1, 6, 5); got (1, 6, 6)",
        ),
        (
            "(np.zeros(5, np.uint8), i)",
            "the image must be shaped (H, W), (H, W, C) or (C, H, W) with 1 to 4 channels",
        ),
        ("(np.zeros((9, 6, 5), np.uint8), i)", "with 1 to 4 channels; got (9, 6, 5)"),
        (f"({PIXELS}, -i)", "item 1: the target must be a class, an integer from 0 to 9999; got -1"),
        (f"({PIXELS}, i / 2)", 'got 0.0; for numbers, give the class task = "regression"'),
        (f"({PIXELS}, 'cat')", "item 0: the target must be a class, an integer from 0 to 9999; got 'cat'"),
        (f"({PIXELS}, [i, i])", "item 0: the target must be a class"),
        (
            "[][i]",
            "datasets/tried_data.py, line 13, __getitem__: item 0 failed: IndexError: list index out",
        ),
    ],
)
def test_a_wrong_item_is_named(plugin_folder, item, words):
    assert words in refused(plugin_folder, item)


OTHERS = {  # classes whose items are others at each reading, and what is said of them
    "image": (
        "(np.random.randint(0, 9, (6, 5)).astype(np.uint8), i)",
        "datasets/tried_data.py, line 14, Tried.__getitem__: item 0 must be the same whenever it is read, "
        "got another image the second time; draw random numbers from a generator that is made with a number, "
        "as by np.random.default_rng(i), and leave random changes to augmentations, as data.flip",
    ),
    "last item": (
        f"({PIXELS} if i < 3 else torch.randint(0, 200, (6, 5), dtype=torch.uint8), i)",
        "item 3 must be the same whenever it is read, got another image the second time",
    ),
    "target": (
        f"({PIXELS}, int(np.random.randint(5000)))",
        "item 0 must be the same whenever it is read, got another target the second time",
    ),
    "size": (
        "(np.zeros((6, next(SIZES)), np.uint8), i)",
        "item 0 must be the same whenever it is read, got another image the second time",
    ),
}


@pytest.mark.parametrize("case", OTHERS)
def test_items_that_are_others_at_each_reading_are_refused_at_submit(plugin_folder, case):
    item, words = OTHERS[case]
    write(plugin_folder, "SIZES = iter([3] * 4 + [4] * 4)\n" + ITEM.replace("ITEM", item))
    with pytest.raises(ConfigError) as caught:
        config(validation=0)
    assert words in caught.value.message


def test_what_the_constructor_draws_is_seen_too(plugin_folder):
    drawn = "    def __init__(self):\n        self.pixels = np.random.randint(0, 99, (4, 6, 5), np.uint8)\n"
    text = ITEM.replace("class Tried:\n", f"class Tried:\n{drawn}\n")
    write(plugin_folder, text.replace("ITEM", "(self.pixels[i], i)"))
    with pytest.raises(ConfigError, match=r"line 15, Tried.__getitem__: item 0 must be the same whenever"):
        config()
    counts = text.replace("return 4", "return next(COUNTS)").replace("ITEM", f"({PIXELS}, i)")
    write(plugin_folder, "COUNTS = iter([4, 5])\n" + counts, "tried_counts")
    with pytest.raises(ConfigError, match="must have as many items each time it is made; got 4, then 5"):
        resolve({"model": "mlp", "data": "tried-counts"})


@pytest.mark.parametrize("place", ["the constructor ()", "__len__", "item 2"])
def test_an_exit_of_the_class_is_a_refusal_with_its_line(plugin_folder, place):
    parts = {
        "the constructor ()": (
            "    def __len__",
            "    def __init__(self):\n        exit()\n\n    def __len__",
        ),
        "__len__": ("return 4", "raise SystemExit('no data')"),
        "item 2": ("return ITEM", f"return ({PIXELS}, i) if i < 2 else exit()"),
    }
    write(plugin_folder, ITEM.replace(*parts[place]))
    with pytest.raises(ConfigError, match=r"datasets/tried_data\.py, line \d+, \w+: ") as caught:
        config()
    assert f"{place} failed: SystemExit: " in caught.value.message


def test_a_class_without_a_constructor_has_a_line(plugin_folder):
    assert refused(plugin_folder, PIXELS).startswith("datasets/tried_data.py, line 12, Tried: item 0 must be")


def test_a_class_without_a_training_image_is_refused(plugin_folder):
    write(plugin_folder, ITEM.replace("ITEM", f"({PIXELS}, 2 * i)"))
    own = config(validation=0)["data"]
    with pytest.raises(
        DataError, match="classes must be 0 … 6, each with an image to train on; class 1 has none"
    ):
        data_set(own).info(own)


def test_parts_of_other_shapes_and_wrong_names_are_refused(plugin_folder):
    text = STRIPES.replace("self.size = train, size", "self.size = train, size + train")
    write(plugin_folder, text)
    with pytest.raises(ConfigError, match=r"shaped as those to train on, \(1, 13, 13\); got \(1, 12, 12\)"):
        config()
    write(plugin_folder, STRIPES.replace('"across")', '"across", "down")'), "tried_names")
    own = resolve({"model": "mlp", "data": "tried-names"})["data"]
    with pytest.raises(DataError, match="class_names must be 2 texts, one for each class; got"):
        data_set(own).info(own)
    write(plugin_folder, STRIPES.replace("return 60 if self.train else 20", "return 0"), "tried_none")
    with pytest.raises(ConfigError, match="Stripes: must have items, got none with size=12, train=True"):
        resolve({"model": "mlp", "data": "tried-none"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "@own_data\nclass Tried:\n    def __len__(self):\n        return 1\n",
            "must have __getitem__, as a torch Dataset",
        ),
        (
            ITEM.replace("def __len__", "task = 'ranking'\n\n    def __len__"),
            "task must be classification or regression",
        ),
        (STRIPES.replace("Int[4, 64]", "int"), "Stripes: the argument size must be annotated with its range"),
    ],
)
def test_a_class_that_is_no_data_set_is_refused(plugin_folder, text, words):
    write(plugin_folder, text)
    with pytest.raises(RegistryError) as caught:
        registry.get("datasets", "tried-data")
    assert words in str(caught.value)
