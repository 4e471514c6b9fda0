"""One image file as pixels of a given size: decoded with Pillow, cropped to a square and scaled."""

import io

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from cnnlab.data import DataError

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP", ".webp": "WEBP"}
_PILLOW_FORMATS = tuple(sorted(set(FORMATS.values())))
MAX_PIXELS = 50_000_000  # of one file; a small file may unpack to more


def decode(content: bytes, name: str, size: int, channels: int) -> Tensor:
    """Return pixels uint8 (C, size, size); a damaged file is a DataError with its name.

    The image is rotated by its EXIF orientation and converted to grey (1 channel; ITU-R 601 luma) or RGB (3),
    without transparency; its largest centred square is scaled by Pillow's antialiased bilinear filter. An
    image that already has the size keeps its pixels.
    """
    try:
        with Image.open(io.BytesIO(content), formats=_PILLOW_FORMATS) as sealed:
            sealed.verify()  # checks a PNG's checksums; decoding alone accepts a missing end
        with Image.open(io.BytesIO(content), formats=_PILLOW_FORMATS) as opened:
            width, height = opened.size
            if width * height > MAX_PIXELS:
                raise DataError(f"{name} must have at most {MAX_PIXELS:,} pixels, got {width}×{height}")
            if opened.mode.startswith(("I", "F")):
                raise DataError(f"{name} must have 8 bits per channel, got mode {opened.mode}")
            image = ImageOps.exif_transpose(opened)
            if "transparency" in image.info:
                image = image.convert("RGBA")  # as Pillow requires for palettes with transparency
            image = image.convert("L" if channels == 1 else "RGB")
    except DataError:
        raise
    except Exception as error:  # Pillow's decoders raise all kinds of errors on a broken file
        raise DataError(f"{name} is damaged or not an image: {type(error).__name__}: {error}") from error
    if image.size != (size, size):
        side = min(image.size)
        left, top = ((length - side) / 2 for length in image.size)
        square = (left, top, left + side, top + side)
        image = image.resize((size, size), Image.Resampling.BILINEAR, box=square)
    pixels = torch.from_numpy(np.array(image, dtype=np.uint8)).view(size, size, channels)
    return pixels.permute(2, 0, 1).contiguous()
