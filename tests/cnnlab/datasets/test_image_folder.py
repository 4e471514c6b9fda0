"""Own image files, in a folder and in a .zip: what is read, and what is refused by name."""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from module_clock import set_clock
from PIL import Image

from cnnlab import resolve
from cnnlab.data import DamagedData, DataError, data_set
from cnnlab.datasets import image_folder
from cnnlab.engine.cost import inspect
from cnnlab.errors import ConfigError
from cnnlab.files import image_file, image_tree
from cnnlab.fit import fit


def picture(value: int, size: tuple[int, int] = (8, 8), form: str = "PNG") -> bytes:
    """An image file whose pixels rise from left to right."""
    width, height = size
    pixels = (np.arange(width)[None, :, None] * 3 + value + np.zeros((height, 1, 3))).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


FILES = {
    "train/dogs/b.png": picture(10),
    "train/dogs/a.png": picture(20),
    "train/cats/1.PNG": picture(30),
    "train/cats/2.bmp": picture(40, form="BMP"),
    "test/cats/9.png": picture(50),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    yield tmp_path
    forget()


def forget() -> None:
    for cached in (
        image_folder._images,
        image_tree._last_listing,
        image_tree._folder_content,
        image_tree._zip_tree,
        image_tree._zip_faults,
        image_tree._zip_shared,
    ):
        cached.cache_clear()


def put(folder: Path, files: dict[str, bytes], kind: str = "folder", around: str = "") -> dict[str, Any]:
    """Write a tree as a folder or as a .zip and return the section that names it."""
    if kind == "zip":
        with zipfile.ZipFile(folder / "pets.zip", "w") as archive:
            for name, content in files.items():
                archive.writestr(around + name, content)
    for name, content in files.items() if kind == "folder" else ():
        (folder / "pets" / around / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "pets" / around / name).write_bytes(content)
    forget()
    return {"name": "image-folder", "path": "pets.zip" if kind == "zip" else "pets", "size": 8}


def section(data: dict[str, Any]) -> dict[str, Any]:
    resolved: dict[str, Any] = resolve({"model": "mlp", "data": data})["data"]
    return resolved


def pixels(content: bytes) -> torch.Tensor:
    return torch.from_numpy(np.array(Image.open(io.BytesIO(content)))).permute(2, 0, 1)


KINDS = pytest.mark.parametrize("kind", ["folder", "zip"])


@KINDS
@pytest.mark.parametrize("around", ["", "all/"])
def test_parts_and_classes_are_folders_in_the_order_of_their_names(
    folder: Path, kind: str, around: str
) -> None:
    junk = {"README.txt": b"x", "train/dogs/.DS_Store": b"x", "__MACOSX/train/dogs/._a.png": b"x"}
    data = section(put(folder, FILES | junk, kind, around))
    info, images = data_set(data).info(data), data_set(data).load(data)
    assert (info.shape, info.classes, info.train, info.test) == ((3, 8, 8), 2, 4, 1)
    names = ["train/cats/1.PNG", "train/cats/2.bmp", "train/dogs/a.png", "train/dogs/b.png"]
    assert torch.equal(images.train_x, torch.stack([pixels(FILES[name]) for name in names]))
    assert images.train_y.tolist() == [0, 0, 1, 1]
    assert torch.equal(images.test_x[0], pixels(FILES["test/cats/9.png"]))
    assert images.test_y.tolist() == [0]
    assert data_set(data).load(data) is images


@KINDS
def test_folders_of_classes_alone_are_to_train_on(folder: Path, kind: str) -> None:
    files = {name.removeprefix("train/"): content for name, content in FILES.items() if "train" in name}
    data = section(put(folder, files, kind))
    info, images = data_set(data).info(data), data_set(data).load(data)
    assert (info.train, info.test) == (4, 0)
    assert images.test_x.shape == (0, 3, 8, 8)


def test_they_train(folder: Path) -> None:
    data = put(folder, FILES) | {"channels": 1, "size": 6, "validation": 0}
    train = {"epochs": 1, "batch_size": 2, "test": "each-epoch"}
    (report,) = fit({"model": "mlp", "data": data, "train": train})
    assert report.metrics["test/acc"] in (0.0, 1.0)


def test_pixels_are_cut_square_scaled_and_turned(folder: Path) -> None:
    wide = image_file.decode(picture(0, (24, 8)), "w", 8, 3)
    assert torch.equal(wide, pixels(picture(24, (8, 8)))), "columns 8 to 15 of 24"
    half = image_file.decode(picture(0, (16, 16)), "h", 8, 1)
    assert half.shape == (1, 8, 8)
    assert torch.equal(half[0, :, 1:7], half[0, :1, 1:7].expand(8, 6)), "rows alike"
    assert (half[0, 0, 1:7].float() - torch.tensor([7.5, 13.5, 19.5, 25.5, 31.5, 37.5])).abs().max() <= 0.5
    turned = Image.open(io.BytesIO(picture(0)))
    exif = turned.getexif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    file = io.BytesIO()
    turned.save(file, "PNG", exif=exif)
    got = image_file.decode(file.getvalue(), "t", 8, 3)
    assert torch.equal(got, pixels(picture(0)).transpose(1, 2))


def test_palettes_and_transparency_are_made_plain() -> None:
    plain = Image.open(io.BytesIO(picture(0)))
    for image in (plain.convert("RGBA"), plain.convert("P"), plain.convert("L")):
        file = io.BytesIO()
        image.save(file, "PNG", **({"transparency": b"\0\x80"} if image.mode == "P" else {}))
        assert image_file.decode(file.getvalue(), "p", 8, 3).shape == (3, 8, 8)


def test_an_archive_s_digest_is_that_of_the_file(folder: Path) -> None:
    data = put(folder, FILES, "zip")
    assert section(data)["sha256"] == hashlib.sha256((folder / "pets.zip").read_bytes()).hexdigest()


@KINDS
def test_another_content_than_planned_is_refused(folder: Path, kind: str) -> None:
    data = section(put(folder, FILES, kind))
    put(folder, FILES | {"train/cats/1.PNG": picture(31)}, kind)
    for look in (data_set(data).info, data_set(data).load):
        with pytest.raises(DataError, match=r"pets.* has SHA-256 \w+, but the sweep was planned with \w+"):
            look(data)


NO_IMAGES = {
    "train/dogs/a.png": (b"no image", r"is not a PNG, JPEG, BMP or WebP image, .* are b'no image'"),
    "train/dogs/b.png": (b"", r"is empty: it has 0 bytes"),
    "test/cats/9.png": (b"GIF89a" + b"x" * 20, r"is not .* are b'GIF89axxxxxx'"),
    "train/cats/\n.png": (b"<!DOCTYPE html>", r"is not .* are b'<!DOCTYPE ht'"),
}


@KINDS
def test_files_that_are_no_images_are_all_refused_at_submit(folder: Path, kind: str) -> None:
    data = put(folder, FILES | {name: content for name, (content, _) in NO_IMAGES.items()}, kind)
    with pytest.raises(ConfigError, match=r"^data\.path: pets.*: 4 files cannot be used, replace") as caught:
        inspect(resolve({"model": "mlp", "data": data}))
    for name, (_, words) in NO_IMAGES.items():
        shown = repr(name) if "\n" in name else name
        assert re.search(re.escape(shown) + " " + words, caught.value.message)
    assert caught.value.message.isprintable()


@KINDS
def test_images_damaged_beyond_their_headers_are_all_named_and_nothing_is_loaded(
    folder: Path, kind: str
) -> None:
    cut = {name: FILES[name][:-20] for name in ("train/dogs/a.png", "train/dogs/b.png")}
    data = section(put(folder, FILES | cut, kind))
    assert data_set(data).info(data).train == 4
    with pytest.raises(DamagedData, match=r"2 files cannot .*dogs/a\.png is damaged: .*dogs/b\.png is"):
        data_set(data).load(data)


def test_of_many_damaged_images_some_are_shown(folder: Path) -> None:
    bad = {f"train/cats/{'long' * 60}{number}.png": b"" for number in range(23)}
    with pytest.raises(ConfigError, match=r"23 files cannot be used.*; and 3 more$") as caught:
        inspect(resolve({"model": "mlp", "data": put(folder, FILES | bad)}))
    assert len(caught.value.message) < 3_000


def test_another_copy_s_damage_is_not_that_of_the_planned_content(folder: Path) -> None:
    """The host has other content than planned; another host's may be sound."""
    data = section(put(folder, FILES))
    put(folder, FILES | {"train/dogs/a.png": b""})
    with pytest.raises(DataError, match="but the sweep was planned with") as caught:
        data_set(data).load(data)
    assert not isinstance(caught.value, DamagedData)


def test_a_damaged_member_is_named(folder: Path) -> None:
    data = put(folder, FILES, "zip")
    content = (folder / "pets.zip").read_bytes()
    at = content.index(FILES["train/dogs/a.png"]) + 50
    (folder / "pets.zip").write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    data = section(data)
    with pytest.raises(DamagedData, match=r"pets\.zip: one file .* train/dogs/a\.png is damaged .*CRC"):
        data_set(data).load(data)
    (folder / "pets.zip").write_bytes(content[:200])
    with pytest.raises(DataError, match=r"pets\.zip is damaged or cannot be read"):
        image_folder.Source(folder / "pets.zip", "pets.zip").tree()


def test_an_image_of_too_many_pixels_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_file, "MAX_PIXELS", 63)
    with pytest.raises(DataError, match=r"^x must have at most 63 pixels, got 8×8"):
        image_file.decode(picture(0), "x", 8, 3)
    file = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(file, "PNG")
    with pytest.raises(DataError, match=r"^x must have at most 63 pixels, got many more"):
        image_file.decode(file.getvalue(), "x", 8, 3)


def test_sixteen_bits_are_refused() -> None:
    file = io.BytesIO()
    Image.fromarray(np.zeros((8, 8), np.uint16)).save(file, "PNG")
    with pytest.raises(DataError, match=r"^x must have 8 bits per channel, got mode I;16"):
        image_file.decode(file.getvalue(), "x", 8, 3)


@KINDS
def test_a_file_that_unpacks_to_too_much_is_refused(
    folder: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_tree, "MAX_FILE_BYTES", 90)
    data = put(folder, FILES, kind) | {"channels": 3, "sha256": ""}
    for look in (data_set(data).info, data_set(data).load):
        with pytest.raises(DamagedData, match=r"train/cats/2\.bmp must have at most 90 bytes"):
            look(data)


def test_a_member_that_would_unpack_to_too_much_is_not_opened(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_tree, "MAX_FILE_BYTES", 1000)
    data = put(folder, FILES | {"train/cats/bomb.webp": b"RIFF" + bytes(100_000)}, "zip")
    monkeypatch.setattr(
        image_tree, "check_header", lambda file, name: len(file.read()) > 1000 and pytest.fail(name)
    )
    with pytest.raises(ConfigError, match=r"one file .* train/cats/bomb\.webp must have at most 1,000 bytes"):
        inspect(resolve({"model": "mlp", "data": data}))


@pytest.mark.parametrize("name", ["/etc/x.png", "../x.png", "a/../../x.png", "C:/x.png", "a\\..\\x.png"])
def test_a_path_that_leaves_the_archive_is_refused_by_name(folder: Path, name: str) -> None:
    data = put(folder, FILES, "zip")
    with zipfile.ZipFile(folder / "pets.zip", "a") as archive:
        archive.writestr(name, b"x")
    config = resolve({"model": "mlp", "data": data})
    with pytest.raises(ConfigError, match=r"pets\.zip has a member whose path leaves the") as caught:
        inspect(config)
    assert repr(name) in caught.value.message
    assert caught.value.path == "data.path"


def test_an_archive_with_a_link_or_a_double_is_refused(folder: Path) -> None:
    link = zipfile.ZipInfo("train/cats/link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    data = put(folder, FILES, "zip")
    with zipfile.ZipFile(folder / "pets.zip", "a") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(ConfigError, match=r"has a member that is a link: 'train/cats/link\.png'"):
        inspect(resolve({"model": "mlp", "data": data}))
    put(folder, FILES, "zip")
    with zipfile.ZipFile(folder / "pets.zip", "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("train/cats/1.PNG", picture(99))
    with pytest.raises(ConfigError, match=r"has the member 'train/cats/1\.PNG' twice"):
        inspect(resolve({"model": "mlp", "data": data}))


def test_a_name_that_is_no_utf_8_is_refused_with_a_reason(folder: Path) -> None:
    put(folder, {"train/dögs/a.png": picture(1), "train/cats/b.png": picture(2)}, "zip")
    content = (folder / "pets.zip").read_bytes()
    (folder / "pets.zip").write_bytes(content.replace("dögs".encode(), b"d\xff\xffgs"))
    with pytest.raises(ConfigError, match=r"pets\.zip is damaged or cannot be read: 'utf-8' codec"):
        inspect(resolve({"model": "mlp", "data": {"name": "image-folder", "path": "pets.zip"}}))
    data = put(folder, FILES)
    (folder / "pets" / "train" / "cats" / os.fsdecode(b"\xff.png")).write_bytes(picture(3))
    forget()
    with pytest.raises(ConfigError, match=r"pets: 'train/cats/\\udcff\.png' must have a name in UTF-8"):
        resolve({"model": "mlp", "data": data})


def test_a_folder_of_too_many_files_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = put(folder, FILES)
    monkeypatch.setattr(image_tree, "MAX_FILES", len(FILES) + 5)
    assert section(data)["sha256"]
    monkeypatch.setattr(image_tree, "MAX_FILES", len(FILES) + 4)
    forget()
    with pytest.raises(ConfigError, match="pets must have at most 9 files and folders"):
        resolve({"model": "mlp", "data": data})


def test_a_link_in_a_folder_is_refused_by_name(folder: Path) -> None:
    data = put(folder, FILES)
    (folder / "pets" / "train" / "cats" / "link.png").symlink_to("/etc/passwd")
    forget()
    with pytest.raises(ConfigError, match=r"pets: train/cats/link\.png is a link"):
        resolve({"model": "mlp", "data": data})


WRONG: dict[str, tuple[dict[str, bytes], str]] = {
    "one class": ({"cats/a.png": b"", "cats/b.png": b""}, "two or more classes, got cats"),
    "nothing": ({"README.txt": b""}, "two or more classes, got none"),
    "another file": (
        FILES | {"train/cats/notes.txt": b""},
        r"train/cats/notes\.txt must be an image",
    ),
    "too deep": (
        FILES | {"train/cats/more/x.png": b""},
        r"train/cats/more/x\.png must be in the folder",
    ),
    "not deep enough": (FILES | {"train/x.png": b""}, r"train/x\.png must be in the folder of a class"),
    "unknown class": (FILES | {"test/cows/x.png": b""}, r"test has the class 'cows', which is missing"),
}


@KINDS
@pytest.mark.parametrize(("files", "words"), WRONG.values(), ids=WRONG)
def test_a_wrong_layout_is_refused_at_submit(
    folder: Path, kind: str, files: dict[str, bytes], words: str
) -> None:
    data = put(folder, files, kind)
    with pytest.raises(ConfigError, match=words) as caught:
        inspect(resolve({"model": "mlp", "data": data}))
    assert caught.value.path == "data.path"
    assert "pets" in caught.value.message


def test_two_channels_are_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"^data\.channels: must be 1 \(grey\) or 3 \(RGB\), got 2"):
        section(put(folder, FILES) | {"channels": 2})


def test_pixels_that_would_not_fit_are_refused_unread(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnnlab.files.user_folder.MAX_IMAGE_BYTES", 900)
    with pytest.raises(ConfigError, match="must have at most 900 bytes of pixels, got 960; choose a smaller"):
        inspect(resolve({"model": "mlp", "data": put(folder, FILES)}))


def test_a_plan_that_asks_often_lists_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = put(folder, FILES)
    first = section(data)
    set_clock(monkeypatch, image_tree, monotonic=lambda: 1e9)
    assert section(data) == first
    monkeypatch.setattr(image_tree, "_walk", lambda *_: pytest.fail("looked again"))
    assert section(data) == first
    assert data_set(first).info(first).train == 4


def test_a_folder_that_stays_as_it_is_is_kept_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folder, FILES)
    listings = []
    for moment in (1e6, 2e6, 3e6):
        set_clock(monkeypatch, image_tree, monotonic=lambda moment=moment: moment)
        listings.append(image_tree._listing(folder / "pets", "pets"))
    assert listings[0] is listings[1] is listings[2]
    (folder / "pets" / "train" / "cats" / "new.png").write_bytes(picture(7))
    assert image_tree._listing(folder / "pets", "pets") is listings[0]  # for two seconds
    set_clock(monkeypatch, image_tree, monotonic=lambda: 4e6)
    assert len(image_tree._listing(folder / "pets", "pets").files) == len(FILES) + 5 + 1  # folders, too
