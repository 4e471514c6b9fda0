"""Where images are, by their names alone: parts, classes, junk, and folders that are no class."""

import pytest

from cnnlab.data import DataError
from cnnlab.files.image_layout import arrange

TWO = ["cats/1.jpg", "dogs/1.jpg"]
PARTED = ["train/cats/1.jpg", "train/dogs/1.jpg", "test/dogs/2.jpg"]


@pytest.mark.parametrize("around", ["", "pets/"])
def test_parts_and_classes(around: str) -> None:
    tree = arrange([around + name for name in PARTED], "pets")
    assert tree.classes == ("cats", "dogs")
    assert [label for _, label in tree.train] == [0, 1]
    assert tree.test == ((f"{around}test/dogs/2.jpg", 1),)
    assert tree.files() == sorted(around + name for name in PARTED)


@pytest.mark.parametrize(
    "junk",
    [
        *("cats/thumbs.db", "cats/Thumbs.DB", "dogs/Desktop.ini", "cats/ehthumbs.db", "cats/.DS_Store"),
        *("__MACOSX/cats/1.jpg", "__macosx/", "cats/@eaDir/1.jpg", ".ipynb_checkpoints/1-checkpoint.jpg"),
        *(".ipynb_checkpoints/", "cats/.ipynb_checkpoints/1.jpg", "cats/._1.jpg", "readme.txt", ".git/a/b/c"),
    ],
)
def test_junk_is_ignored(junk: str) -> None:
    assert arrange([*TWO, "cats/", "dogs/", junk], "pets") == arrange(TWO, "pets")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([*TWO, "cats/", "dogs/", "birds/"], "pets: birds has no image, and so would be no class"),
        ([*TWO, "birds/", "birds/Thumbs.db"], "birds has no image"),
        (["cats/1.jpg", "dogs/"], "dogs has no image"),
        (
            [*TWO, *(f"bird{number}/" for number in range(9))],
            "bird0, bird1, .*, bird4 and 4 more have no image",
        ),
        ([*PARTED, "train/birds/"], "train/birds has no image"),
        ([*PARTED, "test/birds/"], "test/birds has no image"),
        ([f"all/{name}" for name in [*TWO, "birds/"]], "pets: birds has no image"),
    ],
)
def test_a_class_without_images_is_refused_by_name(names: list[str], words: str) -> None:
    with pytest.raises(DataError, match=words):
        arrange(names, "pets")


@pytest.mark.parametrize(
    "folder", ["train/", "test/", "test/cats/", "cats/more/", "train/cats/more/", "notes/"], ids=str
)
def test_other_folders_may_be_empty(folder: str) -> None:
    names = PARTED if folder.startswith("t") else [f"train/{name}" for name in TWO]
    assert arrange([*names, folder], "pets") == arrange(names, "pets")


@pytest.mark.parametrize(
    ("tops", "words"),
    [
        (
            ("train", "val"),
            "has val beside the parts: only train and test.*drawn from train.* images of val into",
        ),
        (("train", "valid", "test"), "has valid beside .* images of valid into the same folders of train"),
        (
            ("Train", "Test"),
            "has Test, Train beside the parts: only train and test, in lower case.* is no train",
        ),
        (("train", "extra"), "has extra beside the parts: only train and test, in lower case, are known$"),
        (("test", "val"), "has val beside the parts: .*; there is no train"),
    ],
)
def test_a_part_of_another_name_is_refused_with_what_to_do(tops: tuple[str, ...], words: str) -> None:
    names = [f"{top}/{label}/1.jpg" for top in tops for label in ("cats", "dogs")]
    for around in ("", "pets/"):
        with pytest.raises(DataError, match=words):
            arrange([around + name for name in names], "pets")


def test_a_class_may_have_the_name_of_a_part() -> None:
    assert arrange(["val/1.jpg", "dev/1.jpg", "eval/2.jpg"], "pets").classes == ("dev", "eval", "val")
