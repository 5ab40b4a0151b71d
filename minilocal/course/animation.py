"""Animations made of figures.

They are stored as animated PNGs, which work wherever a notebook's figures are shown, without a script and without a
file beside the notebook. Where nothing can move, readers see the first frame.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from minilocal.course.figure import WIDTH, show_png

SHARP = 1.5  # pixels of the image per pixel of the page: fewer than for a still figure, because there are many frames
COLOURS = 64  # of all frames together


def show_animation(figures: Iterable[Any], caption: str, alt: str, seconds: float = 0.2, first: float = 2.5) -> None:
    """Show figures of the same size in a loop, and close them; caption and alt text are those of `show`.

    Each figure stays for `seconds`, the first one for `first` seconds: it should be the one that says most, because
    a printed page shows no other.
    """
    import matplotlib.pyplot as plt

    frames, width = [], 0
    for figure in figures:
        width = round(figure.get_figwidth() * WIDTH)
        figure.set_dpi(SHARP * WIDTH)
        figure.canvas.draw()
        frames.append(np.array(figure.canvas.buffer_rgba())[..., :3])
        plt.close(figure)
    start, *rest = _with_one_palette(frames)
    durations = [round(1000 * first), *[round(1000 * seconds)] * len(rest)]
    file = io.BytesIO()
    start.save(file, format="png", save_all=True, append_images=rest, duration=durations, loop=0)
    show_png(file.getvalue(), width, caption, alt)


def _with_one_palette(frames: Sequence[np.ndarray]) -> list[Any]:
    """Return frames (H, W, 3) of bytes as images that share a palette, which makes the PNG three times smaller.

    Drawings have few colours. The most common ones, nearly all, are kept exactly; the shades along edges become the
    nearest of these.
    """
    from PIL import Image

    codes = [frame.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1]) for frame in frames]
    colours, counts = np.unique(
        np.concatenate([c.ravel() for c in codes[:: max(1, len(codes) // 8)]]), return_counts=True
    )
    palette = _channels(colours[np.argsort(-counts, kind="stable")[:COLOURS]])
    images = []
    for code in codes:
        colours, which = np.unique(code, return_inverse=True)
        distance = ((_channels(colours)[:, None] - palette) ** 2).sum(axis=2)
        image = Image.fromarray(distance.argmin(axis=1).astype(np.uint8)[which].reshape(code.shape))
        image.putpalette(palette.astype(np.uint8).tobytes())
        images.append(image)
    return images


def _channels(codes: np.ndarray) -> np.ndarray:
    """Return the red, green and blue (n, 3) of numbers 0xRRGGBB (n,)."""
    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1)
