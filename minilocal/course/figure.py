"""The course's look, what its figures are drawn with, and how they get into a notebook.

A block has the same colour of `plots.BLOCK_COLOURS` through the whole course, and its own hatch or dash pattern, so
that blocks differ in greyscale too. Everything that is not a block is drawn in greys.

A notebook has no place for an alt text that every host reads: some take it from the output's metadata (Colab, Sphinx),
some from its plain text, JupyterLab and nbconvert from neither. So it is stored in both, and once more as text that
unfolds below the figure's caption, where everybody can find it.
"""

from __future__ import annotations

import base64
import io
from typing import Any

from minilocal.console.plots import BLOCK_COLOURS, FROZEN

INK, GREY, PALE = "#333333", "#8A8A8A", "#E4E4E4"
HATCHES = ("", "//", "..", "xx", "\\\\", "oo", "--")
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)), (0, (3, 1, 1, 1, 1, 1)))
MARKERS = "os^Dv*PX"
FROZEN_PATCH = {"facecolor": FROZEN, "edgecolor": "#9A9A9A", "hatch": "////"}  # like `block_patch`
WHITE = {"facecolor": "white", "edgecolor": "none"}  # the background of text on a hatch

WIDTH = 100  # pixels of the page per inch of the figure
SHARP = 2  # pixels of the image per pixel of the page: high-resolution screens show them all


def style() -> None:
    """Set matplotlib's defaults to the course's look. Lines are grey and differ in their dashes."""
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
            "image.cmap": "cividis",  # its lightness always increases: clear in greyscale and to every eye
            "legend.frameon": False,
            "hatch.linewidth": 0.6,
        }
    )


def block_patch(number: int) -> dict[str, Any]:
    """Return the facecolor, edgecolor and hatch of block 1, 2, … for bars and boxes."""
    return {"facecolor": _of(BLOCK_COLOURS, number), "edgecolor": "white", "hatch": _of(HATCHES, number)}


def block_line(number: int) -> dict[str, Any]:
    """Return the color, linestyle and marker of block 1, 2, … for curves."""
    return {"color": _of(BLOCK_COLOURS, number), "linestyle": _of(DASHES, number), "marker": _of(MARKERS, number)}


def _of(values: Any, number: int) -> Any:
    return values[(number - 1) % len(values)]


def box(axes: Any, x: float, y: float, width: float, height: float, **look: Any) -> None:
    """Draw a rectangle whose corner with the smallest coordinates is (x, y)."""
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((x, y), width, height, **look))


def label(axes: Any, x: float, y: float, text: str, **look: Any) -> None:
    """Write a text centred at (x, y), unless `ha` or `va` say otherwise."""
    axes.text(x, y, text, **{"ha": "center", "va": "center"} | look)


def arrow(axes: Any, start: tuple[float, float], end: tuple[float, float], **look: Any) -> None:
    """Draw an arrow exactly from start to end."""
    axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": INK, "shrinkA": 0, "shrinkB": 0} | look)


def frame(axes: Any, xlim: tuple[float, float], ylim: tuple[float, float], **options: Any) -> None:
    """Set the limits of a drawing without visible axes; options are those of `Axes.set`."""
    axes.set(xlim=xlim, ylim=ylim, **options)
    axes.axis("off")


def hide_ticks_and_spines(axes: Any, *sides: str, axis: str = "both") -> None:
    """Hide the spines on these sides ("left", …), all if none is named, and the tick marks; labels stay."""
    axes.tick_params(axis=axis, length=0)
    for side in sides or ("left", "right", "top", "bottom"):
        axes.spines[side].set_visible(False)


def show(figure: Any, caption: str, alt: str) -> None:
    """Show a matplotlib figure with its caption (Markdown) below and an alt text, and close it.

    The alt text describes the figure for readers who can't see it; the caption says what it means. Both may contain
    formulas, but words are better in an alt text.
    """
    import matplotlib.pyplot as plt
    from matplotlib.text import Text

    width = round(figure.get_figwidth() * WIDTH)
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=SHARP * WIDTH, metadata={"Software": None})
    smallest = min((text.get_fontsize() for text in figure.findobj(Text) if text.get_text().strip()), default=99)
    plt.close(figure)
    show_png(image.getvalue(), width, caption, alt, smallest=smallest)


def show_png(png: bytes, width: int, caption: str, alt: str, **more: float) -> None:
    """Show an image, `width` pixels of the page wide, with a caption and an alt text as in `show`.

    More can be stored with it: `smallest`, in points, is the size of its smallest text, which slides must not shrink.
    """
    from IPython.display import display

    display(
        {"image/png": base64.b64encode(png).decode(), "text/plain": alt},
        metadata={"image/png": {"width": width, "alt": alt, **more}},
        raw=True,
    )
    words = f"<details><summary>The figure in words</summary>\n\n{alt}\n\n</details>"
    display({"text/markdown": f"{caption}\n\n{words}", "text/plain": caption}, raw=True)
