"""Images that two parts have in common."""

from cnnlab.files import shared_images


def shared(parts: dict[str, str]) -> tuple[str, ...]:
    return shared_images.shared(parts, lambda part, place: f"{part}/{place + 1}")


def test_each_two_parts_are_compared() -> None:
    parts = {"train": "abb", "val": "bc"}
    assert shared(parts) == ("1 of 2 validation images are training images, too: val/1 is train/2",)
    assert shared(parts | {"test": "ca"})[1:] == (
        "1 of 2 test images are training images, too: test/2 is train/1",
        "1 of 2 test images are validation images, too: test/1 is val/2",
    )


def test_parts_without_common_images_have_no_sentence() -> None:
    assert shared({"train": "aa", "test": "", "val": "b"}) == ()
