"""Charts that many lessons need: images, curves, bars, and tables of numbers. Each panel has a title, "" for none.

Options are those of `Axes.set`; a list has one value per panel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minilocal.course.figure import GREY, INK, MARKERS, label

Panels = Mapping[str, Mapping[str, Any]]  # title → name → values
SHADES = (INK, "#B5B5B5", "#DADADA", GREY)  # of bars side by side
HATCHES = ("", "//", "", "..")


def draw_images(images: Mapping[str, np.ndarray], rows: int = 1, **look: Any) -> Any:
    """Return a figure of grey images (H, W), title → image, in so many rows; `look` goes to `imshow`."""
    figure, panels = _panels(images, rows, 0.4 + 7.5 * rows / len(images), {}, sharey=False)
    for axes, image in panels:
        axes.imshow(image, **{"cmap": "gray"} | look)
        axes.axis("off")
    return figure


def draw_curves(panels: Panels, height: float = 3.2, sharey: bool = True, **options: Any) -> Any:
    """Return a figure of curves: title → name → (x, y) or (x, y, look); names that begin with "_" are not listed."""
    figure, axes_of = _panels(panels, 1, height, options, sharey=sharey)
    for axes, curves in axes_of:
        for mark, (name, (x, y, *look)) in zip(MARKERS * 9, curves.items(), strict=False):
            axes.plot(x, y, label=name, **({"marker": mark, "markersize": 4} | dict(*look)))
        axes.grid(alpha=0.3)
        if any(curves):
            axes.legend(fontsize=8)
    return figure


def draw_bars(
    panels: Panels, labels: Sequence[Any], rows: int = 1, height: float = 3.0, marks: Any = None, **options: Any
) -> Any:
    """Return a figure of bars side by side: title → name → heights, one per label.

    `marks`, (title, name) → heights, are black lines to compare the bars with; NaN means none.
    """
    figure, axes_of = _panels(panels, rows, height, options)
    places = np.arange(len(labels))
    for (axes, bars), title in zip(axes_of, panels, strict=True):
        width = 0.8 / len(bars)
        for shift, (name, heights) in enumerate(bars.items()):
            middle = places + width * (shift - (len(bars) - 1) / 2)
            axes.bar(middle, heights, width, color=SHADES[shift], hatch=HATCHES[shift], edgecolor="white", label=name)
            if (title, name) in (marks or {}):
                axes.hlines(marks[title, name], middle - width / 2, middle + width / 2, color="black", linewidth=2.5)
        axes.set_xticks(places, labels, rotation=90 if max(len(str(name)) for name in labels) > 5 else 0)
        axes.axhline(0, color=INK, linewidth=0.6, linestyle="-")
    if max(map(len, panels.values())) > 1:
        figure.legend(*axes_of[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def draw_tables(tables: Mapping[str, tuple[Any, Any]], rows: int = 1, height: float = 2.8, **options: Any) -> Any:
    """Return a figure of tables: title → (shades from 0 to 1, words), both (rows, columns)."""
    figure, panels = _panels(tables, rows, height, {"xticks": [[]] * 9, "yticks": [[]] * 9} | options, sharey=False)
    for axes, (shades, words) in panels:
        axes.imshow(shades, cmap="Greys", vmin=0, vmax=1.3)
        axes.spines[:].set_visible(True)
        for (i, j), shade in np.ndenumerate(shades):
            label(axes, j, i, str(words[i][j]), fontsize=7, color="white" if shade > 0.75 else "black")
    return figure


def _panels(contents: Mapping[str, Any], rows: int, height: float, options: Any, **sharing: Any) -> tuple[Any, Any]:
    """Return a figure of so many rows, each `height` inches high, and its axes beside their contents."""
    import matplotlib.pyplot as plt

    columns = -(-len(contents) // rows)
    sharing = {"sharey": True} | sharing
    figure, axes = plt.subplots(rows, columns, figsize=(7.5, rows * height), squeeze=False, **sharing)
    for number, (panel, title) in enumerate(zip(axes.flat, contents, strict=True)):
        own = {name: value[number] if isinstance(value, list) else value for name, value in options.items()}
        panel.set(title=title, **own)
    return figure, list(zip(axes.flat, contents.values(), strict=True))
