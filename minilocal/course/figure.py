"""The course's look, and how figures come into a notebook.

A block has its colour of `figures.BLOCK_COLOURS` through the whole course, and a hatch or a dash pattern of its own
beside it, so that it can be told apart in greyscale too. What is no block is drawn in greys.

A notebook has no place for an alt text that every host reads: some take it from the output's metadata (Colab, Sphinx),
some from its plain text, JupyterLab and nbconvert from neither. So it stands in both, and once more as text that
unfolds below the figure's caption, where everybody finds it.
"""

from __future__ import annotations

import base64
import io
from typing import Any

from minilocal.plots import BLOCK_COLOURS

INK, GREY, PALE = "#333333", "#8A8A8A", "#E4E4E4"
HATCHES = ("", "//", "..", "xx", "\\\\", "oo", "--")
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)), (0, (3, 1, 1, 1, 1, 1)))
MARKERS = "os^Dv*P"

WIDTH = 100  # pixels of the page for an inch of the figure
SHARP = 2  # pixels of the image for a pixel of the page: screens of high resolution show them all


def style() -> None:
    """Set matplotlib's defaults to the course's look; lines in greys that differ by their dashes."""
    import matplotlib as mpl
    from cycler import cycler

    greys = cycler(color=[INK, "#777777", "#A5A5A5", "#555555"]) + cycler(linestyle=["-", "--", "-.", ":"])
    mpl.rcParams.update(
        {
            "figure.figsize": (7.5, 3.6),
            "figure.constrained_layout.use": True,
            "font.size": 10,
            "axes.titlesize": 10,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": False,
            "grid.alpha": 0.3,
            "axes.prop_cycle": greys,
            "image.cmap": "cividis",  # grows lighter all the way, for every eye and in greyscale
            "legend.frameon": False,
            "hatch.linewidth": 0.6,
        }
    )


def block_patch(number: int) -> dict[str, Any]:
    """Return facecolor, edgecolor and hatch of block 1, 2, … for bars and boxes."""
    return {"facecolor": _of(BLOCK_COLOURS, number), "edgecolor": "white", "hatch": _of(HATCHES, number)}


def block_line(number: int) -> dict[str, Any]:
    """Return color, linestyle and marker of block 1, 2, … for curves."""
    return {"color": _of(BLOCK_COLOURS, number), "linestyle": _of(DASHES, number), "marker": _of(MARKERS, number)}


def _of(values: Any, number: int) -> Any:
    return values[(number - 1) % len(values)]


def show(figure: Any, caption: str, alt: str) -> None:
    """Show a matplotlib figure with its caption (Markdown) below and an alt text, and close it.

    The alt text says what is to be seen to who can't see it; the caption says what it means. Both may have formulas,
    though an alt text is better off in words.
    """
    import matplotlib.pyplot as plt

    width = round(figure.get_figwidth() * WIDTH)
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=SHARP * WIDTH, metadata={"Software": None})
    plt.close(figure)
    show_png(image.getvalue(), width, caption, alt)


def show_png(png: bytes, width: int, caption: str, alt: str) -> None:
    """Show an image, `width` pixels of the page wide, with caption and alt text as `show` does."""
    from IPython.display import display

    display(
        {"image/png": base64.b64encode(png).decode(), "text/plain": alt},
        metadata={"image/png": {"width": width, "alt": alt}},
        raw=True,
    )
    words = f"<details><summary>The figure in words</summary>\n\n{alt}\n\n</details>"
    display({"text/markdown": f"{caption}\n\n{words}", "text/plain": caption}, raw=True)
