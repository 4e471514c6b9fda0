"""One image file as pixels of the wanted size: decoded with Pillow, cut square and scaled."""

import io

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from cnnlab.data import DataError

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP", ".webp": "WEBP"}
_PILLOW_FORMATS = tuple(sorted(set(FORMATS.values())))
MAX_PIXELS = 50_000_000  # of one file; a few bytes may unpack to more


def decode(content: bytes, name: str, size: int, channels: int) -> Tensor:
    """Return pixels uint8 (C, size, size); a damaged file is a DataError that names it.

    The image is turned as its EXIF orientation says, made grey (1 channel; ITU-R 601 luma) or RGB (3), its
    transparency dropped; its largest centred square is scaled by Pillow's antialiased bilinear filter. An
    image that has the size already keeps its pixels.
    """
    try:
        with Image.open(io.BytesIO(content), formats=_PILLOW_FORMATS) as sealed:
            sealed.verify()  # a PNG's checksums; decoding alone forgives a lost end
        with Image.open(io.BytesIO(content), formats=_PILLOW_FORMATS) as opened:
            width, height = opened.size
            if width * height > MAX_PIXELS:
                raise DataError(f"{name} must have at most {MAX_PIXELS:,} pixels, got {width}×{height}")
            if opened.mode.startswith(("I", "F")):
                raise DataError(f"{name} must have 8 bits a channel, got mode {opened.mode}")
            image = ImageOps.exif_transpose(opened)
            if "transparency" in image.info:
                image = image.convert("RGBA")  # Pillow wants palettes with transparency to go this way
            image = image.convert("L" if channels == 1 else "RGB")
    except DataError:
        raise
    except Exception as error:  # a broken file makes Pillow's decoders raise whatever they meet
        raise DataError(f"{name} is damaged or no image: {type(error).__name__}: {error}") from error
    if image.size != (size, size):
        side = min(image.size)
        left, top = ((length - side) / 2 for length in image.size)
        square = (left, top, left + side, top + side)
        image = image.resize((size, size), Image.Resampling.BILINEAR, box=square)
    pixels = torch.from_numpy(np.array(image, dtype=np.uint8)).view(size, size, channels)
    return pixels.permute(2, 0, 1).contiguous()
