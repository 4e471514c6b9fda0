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
            ("train", "extra"),
            r"has extra beside the parts: the parts are train, val and test \(or training, or",
        ),
        (("train", "val", "eval"), "has eval beside the parts"),
        (("test", "val"), r"has test, val: the parts are .*; there is no train"),
        (("val",), r"has val: the parts are .*; there is no train"),
        (("Testing",), r"has Testing: the parts are .*; there is no train"),
        (("train", "Training"), "has Training, train: each part must be one folder"),
        (("train", "val", "valid"), "has train, val, valid: each part must be one folder"),
    ],
)
def test_a_part_of_another_name_is_refused_with_what_to_do(tops: tuple[str, ...], words: str) -> None:
    names = [f"{top}/{label}/1.jpg" for top in tops for label in ("cats", "dogs")]
    for around in ("", "pets/"):
        with pytest.raises(DataError, match=words):
            arrange([around + name for name in names], "pets")


@pytest.mark.parametrize("around", ["test", "val", "pets"])
def test_a_folder_around_everything_may_have_the_name_of_a_part(around: str) -> None:
    tree = arrange([f"{around}/{name}" for name in PARTED], "pets")
    assert [len(files) for files in tree.parts().values()] == [2, 1, 0]


def test_a_class_may_have_the_name_of_a_part() -> None:
    assert arrange(["val/1.jpg", "dev/1.jpg", "eval/2.jpg"], "pets").classes == ("dev", "eval", "val")


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [
        ("train", "val", "test"),
        ("training", "validation", "testing"),
        ("Train", "Valid", "Test"),
        ("TRAINING", "DEV", "Testing"),
    ],
)
@pytest.mark.parametrize("around", ["", "pets/"])
def test_parts_as_people_call_them(train: str, val: str, test: str, around: str) -> None:
    names = [f"{around}{part}/{label}/1.jpg" for part in (train, val) for label in ("cats", "dogs")]
    tree = arrange([*names, f"{around}{test}/cats/2.jpg", f"{around}labels.txt"], "pets")
    assert tree.classes == ("cats", "dogs")
    assert tree.train == ((f"{around}{train}/cats/1.jpg", 0), (f"{around}{train}/dogs/1.jpg", 1))
    assert tree.val == ((f"{around}{val}/cats/1.jpg", 0), (f"{around}{val}/dogs/1.jpg", 1))
    assert tree.test == ((f"{around}{test}/cats/2.jpg", 0),)
    assert len(tree.files()) == 5


def test_a_class_of_the_validation_part_alone_is_refused() -> None:
    with pytest.raises(DataError, match="val has the class 'birds', which is missing in train"):
        arrange([*PARTED, "val/birds/1.jpg"], "pets")


@pytest.mark.parametrize("around", ["", "pets/"])
def test_a_table_comes_before_folders(around: str) -> None:
    rows = b"file,label,split\nimages/b.jpg,10,train\nimages/a.jpg,9,train\nimages/c.jpg,9,val\n"
    names = [f"{around}{name}" for name in ("images/a.jpg", "images/b.jpg", "images/c.jpg", "images/d.jpg")]
    tree = arrange([*names, f"{around}Labels.csv"], "pets", lambda name: rows)
    assert tree.classes == ("9", "10")  # by number
    assert [(name.removeprefix(around), label) for name, label in tree.train] == [
        ("images/b.jpg", 1),
        ("images/a.jpg", 0),
    ]
    assert [label for _, label in tree.val] == [0]
    assert (tree.table, tree.unused) == (f"{around}Labels.csv", 1)


def test_a_class_that_a_table_only_validates_is_refused_with_its_line() -> None:
    rows = b"file,label,split\n1.jpg,a,\n2.jpg,b,\n3.jpg,c,val\n"
    with pytest.raises(DataError, match=r"labels.csv line 4 has the class 'c', which is missing in train"):
        arrange(["1.jpg", "2.jpg", "3.jpg", "labels.csv"], "pets", lambda name: rows)


ROWS = b"id;label\n1;a\n2;b\n"


@pytest.mark.parametrize("around", ["", "pets/"])
@pytest.mark.parametrize("folder", ["", "images/", "train/"])
def test_the_only_csv_is_the_table(around: str, folder: str) -> None:
    names = [f"{around}{name}" for name in (f"{folder}1.jpg", f"{folder}2.jpg", "Train.CSV")]
    tree = arrange(names, "pets", lambda name: ROWS)
    assert (tree.classes, len(tree.train), tree.table) == (("a", "b"), 2, f"{around}Train.CSV")


def test_labels_csv_comes_before_other_tables() -> None:
    found = arrange(
        ["1.jpg", "2.jpg", "a.csv", "labels.csv"], "pets", lambda name: {"labels.csv": ROWS}[name]
    )
    assert found.table == "labels.csv"


@pytest.mark.parametrize("content", [b"epoch,loss\n1,0.5\n", b"\xff\xfe"])
def test_a_csv_of_another_kind_beside_classes_is_ignored(content: bytes) -> None:
    assert arrange([*TWO, "history.csv"], "pets", lambda name: content) == arrange(TWO, "pets")
    assert arrange([*PARTED, "history.csv"], "pets", lambda name: content) == arrange(PARTED, "pets")
    assert arrange([*TWO, "a.csv", "b.csv"], "pets", lambda name: ROWS) == arrange(TWO, "pets")


def test_a_csv_of_labels_beside_folders_decides() -> None:
    tree = arrange(["part_1/1.jpg", "part_2/2.jpg", "list.csv"], "pets", lambda name: ROWS)
    assert (tree.classes, tree.table) == (("a", "b"), "list.csv")


@pytest.mark.parametrize(
    ("tables", "content", "words"),
    [
        (["a.csv"], b"epoch,loss\n1,0.5\n", r"^pets: a\.csv line 1 must name the columns file, label"),
        (["a.csv"], b"id,label\n3,a\n", r"^pets: a\.csv line 2: the file must be an image"),
        (["a.csv"], b"", r"^pets: a\.csv line 1 must name the columns"),
        (["a.csv", "b.csv"], ROWS, r"^pets has a\.csv, b\.csv: one table must have .*; name it labels\.csv"),
    ],
)
def test_a_refused_table_is_named_and_no_folder_of_a_class(
    tables: list[str], content: bytes, words: str
) -> None:
    with pytest.raises(DataError, match=words) as caught:
        arrange(["images/1.jpg", "images/2.jpg", *tables], "pets", lambda name: content)
    assert "folder" not in str(caught.value)
