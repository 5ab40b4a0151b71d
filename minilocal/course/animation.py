"""Figures one after the other as one moving picture.

It is stored as an animated PNG: whatever shows a notebook's figures shows it, with no script and no file beside the
notebook, and where nothing moves its first frame is seen.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

from minilocal.course.figure import WIDTH, show_png

SHARP = 1.5  # pixels of the image for a pixel of the page: fewer than a still figure's, because there are many frames
COLOURS = 64  # of all frames together


def show_animation(figures: Iterable[Any], caption: str, alt: str, seconds: float = 0.2, first: float = 2.5) -> None:
    """Show figures of one size in turn, over and over, and close them; caption and alt text as `show` takes them.

    Each stays for so many seconds, the first one for longer: it should be the picture that says most, because it is
    all that is seen on paper.
    """
    import matplotlib.pyplot as plt
    from PIL import Image

    frames, width = [], 0
    for figure in figures:
        width = round(figure.get_figwidth() * WIDTH)
        image = io.BytesIO()
        figure.savefig(image, format="png", dpi=SHARP * WIDTH)
        plt.close(figure)
        frames.append(Image.open(image).convert("RGB"))

    # A PNG has one palette: the colours of frames from all parts of the animation, one below the other.
    height, some = frames[0].height, frames[:: max(1, len(frames) // 8)]
    sample = Image.new("RGB", (frames[0].width, height * len(some)))
    for number, frame in enumerate(some):
        sample.paste(frame, (0, number * height))
    palette = sample.quantize(COLOURS, dither=Image.Dither.NONE)
    start, *rest = (frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames)
    durations = [round(1000 * first), *[round(1000 * seconds)] * len(rest)]
    file = io.BytesIO()
    start.save(file, format="png", save_all=True, append_images=rest, duration=durations, loop=0)
    show_png(file.getvalue(), width, caption, alt)
