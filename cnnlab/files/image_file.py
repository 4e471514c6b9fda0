"""One image file as pixels of a given size: decoded with Pillow, cropped to a square and scaled."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from cnnlab.data import DamagedData

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP", ".webp": "WEBP"}
MAX_PIXELS = 50_000_000  # of one file; a small file may unpack to more
MAX_SHOWN_BYTES = 12  # of a file that is no image: enough for <!DOCTYPE ht
_PILLOW_FORMATS = tuple(sorted(set(FORMATS.values())))
_ORIENTATION = 0x0112  # EXIF's tag
_TURNS = {  # by its value
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
log = logging.getLogger(__name__)


def check_header(file: IO[bytes], name: str) -> None:
    """Raise DamagedData unless a file begins as an image that `decode` takes; no pixel is read."""
    with _opened(file, name):
        pass


def decode(content: bytes, name: str, size: int, channels: int) -> Tensor:
    """Return pixels uint8 (C, size, size); a damaged file is a DamagedData with its name.

    The image, the first one of an animation, is rotated by its EXIF orientation and converted to grey (1
    channel; ITU-R 601 luma) or RGB (3), without transparency; its largest centred square is scaled by
    Pillow's antialiased bilinear filter. An image that already has the size keeps its pixels.
    """
    with _opened(io.BytesIO(content), name) as sealed:
        sealed.verify()  # checks a PNG's checksums; decoding alone accepts a missing end
    with _opened(io.BytesIO(content), name) as opened:
        opened.load()
        image = _upright(opened, name)
        if "transparency" in image.info:
            image = image.convert("RGBA")  # as Pillow requires for palettes with transparency
        image = image.convert("L" if channels == 1 else "RGB")
    if image.size != (size, size):
        side = min(image.size)
        left, top = ((length - side) / 2 for length in image.size)
        square = (left, top, left + side, top + side)
        image = image.resize((size, size), Image.Resampling.BILINEAR, box=square)
    pixels = torch.from_numpy(np.array(image, dtype=np.uint8)).view(size, size, channels)
    return pixels.permute(2, 0, 1).contiguous()


@contextmanager
def _opened(file: IO[bytes], name: str) -> Iterator[Image.Image]:
    """Open an image of at most MAX_PIXELS and 8 bits; whatever Pillow raises in the block is DamagedData."""
    try:
        with Image.open(file, formats=_PILLOW_FORMATS) as opened:
            width, height = opened.size
            if width * height > MAX_PIXELS:
                raise DamagedData(f"{name} must have at most {MAX_PIXELS:,} pixels, got {width}×{height}")
            if opened.mode.startswith(("I", "F")):
                raise DamagedData(
                    f"{name} must have 8 bits per channel, got mode {opened.mode}: scale its values to "
                    "0 … 255 and save it again"
                )
            yield opened
    except DamagedData:
        raise
    except UnidentifiedImageError:
        raise DamagedData(f"{name} {_unknown(file)}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DamagedData(f"{name} must have at most {MAX_PIXELS:,} pixels, got many more") from None
    except Exception as error:  # Pillow's decoders raise all kinds of errors on a broken file
        raise DamagedData(f"{name} is damaged: {type(error).__name__}: {error}") from error


def _unknown(file: IO[bytes]) -> str:
    file.seek(0)
    first = file.read(MAX_SHOWN_BYTES)
    if not first:
        return "is empty: it has 0 bytes"
    return f"is not a PNG, JPEG, BMP or WebP image, or its header is damaged: its first bytes are {first!r}"


def _upright(image: Image.Image, name: str) -> Image.Image:
    """Return the image rotated by its EXIF orientation; one whose EXIF cannot be read stays as it is.

    Pillow's exif_transpose does the same, but also writes the EXIF again, which fails where any other tag of
    it is out of range.
    """
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception as error:  # as decoders do
        log.warning("%s is not rotated: its EXIF cannot be read: %s: %s", name, type(error).__name__, error)
        return image
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)
