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

SHARP = 1.2  # pixels of the image per pixel of the page: fewer than for a still figure, because there are many frames
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
    """Return frames (H, W, 3) of bytes as images that share a palette, which makes the PNG three times smaller."""
    from PIL import Image

    some = np.concatenate(frames[:: max(1, len(frames) // 8)])
    palette = Image.fromarray(some).quantize(COLOURS, dither=Image.Dither.NONE)
    return [Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
