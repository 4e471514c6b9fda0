"""A table of labels: its columns, its rows, and refusals with the line."""

import pytest

from cnnlab.data import DataError
from cnnlab.files.label_table import Listed, names_labels, read_table

NAMES = {"labels.csv", "images/1.png", "images/2.png", "images/a,b.JPG"}
GOOD = "file,label\n1.png,cats\n2.png,dogs\n"


def rows(text: str | bytes, names: set[str] = NAMES) -> list[Listed]:
    return read_table("labels.csv", text if isinstance(text, bytes) else text.encode(), names, "pets")


def test_a_path_begins_at_the_table_or_in_the_folder_beside_it() -> None:
    found = rows('file,label,split\n1.png,cats,train\nimages/2.png, dogs ,\n"a,b.JPG",dogs,Validation\n')
    assert [(each.file, each.label, each.part) for each in found] == [
        ("images/1.png", "cats", "train"),
        ("images/2.png", "dogs", "train"),
        ("images/a,b.JPG", "dogs", "val"),
    ]
    assert found[2].where == "labels.csv line 4"


@pytest.mark.parametrize("head", ["Filename, Class", "image,category", "path,LABEL", "\ufefffile,label"])
def test_columns_as_people_call_them(head: str) -> None:
    assert len(rows(GOOD.replace("file,label", head))) == 2


def test_columns_in_any_order_and_rows_with_nothing() -> None:
    found = rows("split,label,file\r\n\r\ntest,cats,1.png\r\n,,\r\n,dogs,images/2.png\r\n,cats,a,\r\n"[:-9]
                 + '\r\n,cats,"a,b.JPG"\r\n')  # fmt: skip
    assert [each.part for each in found] == ["test", "train", "train"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1 must name the columns file and label; file is missing"),
        ("file,labl\n1.png,a\n", "line 1 must name .* got the column 'labl'; did you mean label"),
        ("file,label,width\n1.png,a,3\n", "got the column 'width'$"),
        ("file;label\n1.png;a;b\n", "line 2 must have 2 values, as the first line has; got 3"),
        ("file|label\n1.png|a\n", "got the column 'file.label'"),
        ("file,split\n1.png,train\n", "label is missing"),
        ("file,label,image\n", "line 1 names the column file twice, the second time as 'image'"),
        (GOOD + "9,cats\n", "line 4: the file must be an image that is there, .* its ending; got '9'"),
        (GOOD + "9.png,cats\n", "pets: labels.csv line 4: '9.png' is not there"),
        (GOOD + "\n1.png,cats\n", "line 5: 1.png is in line 2 already"),
        (GOOD + "a.gif,cats\n", "line 4: the file must be an image that is there, one of .* got 'a.gif'"),
        (
            GOOD + "../1.png,cats\n",
            "line 4: the file must be a path below the table's folder, got '../1.png'",
        ),
        (GOOD + "/1.png,cats\n", "line 4: the file must be a path below"),
        ("file,label\n1.png,\n2.png,b\n", "line 2: the label must have 1 to 100 characters, got ''"),
        (GOOD + "3.png\n", "line 4 must have 2 values, as the first line has; got 1"),
        (
            "file,label,split\n1.png,a,eval\n",
            "line 2: the split must be one of train, training, .* got 'eval'",
        ),
        ("file,label\n1.png,a\n2.png,a\n", "must have training images of two or more classes, got a"),
        ("file,label\n", "must have training images of two or more classes, got none"),
        ('file,label\n"1.png,a\n', "line [23] is no CSV: "),
        (b"file,label\n\xff.png,a\n", "must be text in UTF-8"),
    ],
)
def test_a_wrong_table_is_refused_with_its_line(text: str | bytes, words: str) -> None:
    with pytest.raises(DataError, match=words):
        rows(text)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_values_are_separated_by_what_the_first_line_has(separator: str) -> None:
    lines = [
        ("id", "label", "split"),
        ("1.png", '"a;b,c\td"', "train"),
        ("2.png", "dogs", "val"),
        ("3.png", "dogs", ""),
    ]
    text = "".join(f"{separator.join(line)}\n" for line in lines)
    found = rows(text, {"1.png", "2.png", "3.png"})
    assert [(each.label, each.part) for each in found] == [
        ("a;b,c\td", "train"), ("dogs", "val"), ("dogs", "train"),
    ]  # fmt: skip


def test_a_name_without_its_ending_is_the_only_image_of_that_stem() -> None:
    names = {"labels.csv", "train/1.png", "train/b.c.JPG", "test/3.png", "train/readme.txt", "train/4.txt"}
    found = rows("image_id,label\n1,cats\nb.c,dogs\ntrain/1.png,x\n"[:-15] + "\n3,dogs\n", names)
    assert [each.file for each in found] == ["train/1.png", "train/b.c.JPG", "test/3.png"]
    for other, words in (
        ("4", "line 2: the file must be an image that is there, .* got '4'"),
        ("1", "line 2: '1' must be one image, but test/1.jpg and train/1.png are there; add the ending"),
    ):
        with pytest.raises(DataError, match=words):
            rows(f"id,label\n{other},cats\n", names | {"test/1.jpg"})


@pytest.mark.parametrize(
    ("head", "expected"),
    [(b"id,label\n", True), (b"File;Class", True), (b"\xff", False), (b"file,width", False), (b"", False)],
)
def test_whether_a_first_line_is_that_of_a_table_of_labels(head: bytes, expected: bool) -> None:
    assert names_labels(head) == expected
