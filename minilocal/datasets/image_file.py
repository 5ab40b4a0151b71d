"""Single image files, to be classified by a network: brought to the size, channels and scale of its training images."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from minilocal.datasets.prepare import pad_to_32
from minilocal.datasets.reading import reason
from minilocal.errors import InputError
from minilocal.files import open_regular

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")  # Pillow knows more, and starts Ghostscript for one of them


def read_image(file: str | Path, shape: tuple[int, int, int], white_level: float, invert: bool = False) -> np.ndarray:
    """Return an image file as raw pixels (1, H, W, C), float32 from 0 to `white_level`, padded as `pad_to_32` does.

    It is turned as its EXIF data says and resized to `shape` (H, W, C), that of the data set's images. `invert` swaps
    black and white. Transparent pixels become black. Raises `InputError` if it can't be read or has more than 8 bits
    per channel, and if 1 seems to stand for white in it.
    """
    from PIL import Image, ImageOps  # comes with Matplotlib

    height, width, channels = shape
    known = "PNG, JPEG, GIF, BMP or WebP"
    try:
        with warnings.catch_warnings(), open_regular(file) as content, Image.open(content, formats=FORMATS) as opened:
            warnings.simplefilter("ignore")  # about odd details, which are harmless or refused
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            if opened.mode.startswith(("I", "F")):
                raise InputError(f"image {str(file)!r} has more than 8 bits per channel; save it with 8")
            upright = ImageOps.exif_transpose(opened).convert("RGBA")
            ground = Image.new("RGBA", upright.size, "white" if invert else "black")
            image = Image.alpha_composite(ground, upright).convert("L" if channels == 1 else "RGB")
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"image {str(file)!r} does not exist; name a {known} file") from None
    except Exception as error:  # damaged files make Pillow fail in many ways
        raise InputError(f"image {str(file)!r} can't be read ({reason(error)}); name a {known} file") from None
    if image.getextrema() in ((0, 1), ((0, 1),) * 3):
        raise InputError(f"image {str(file)!r} has no pixel brighter than 1 of 255; save it with 255 for white")
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    pixels = np.asarray(image).reshape(1, height, width, channels)
    return pad_to_32((255 - pixels if invert else pixels) * np.float32(white_level / 255))
