"""A run's figures, drawn from its tables; Matplotlib is imported only when one is drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minilocal.console.plots import BLOCK_COLOURS, FROZEN, drawing, entitle, integer_ticks, new_figure, plain, save
from minilocal.runs.directory import RunDirectory

LONGEST_NAME = 24  # characters of a class name


@drawing()
def draw_curves(run: RunDirectory, title: str) -> Path:
    """Draw curves.png: each block's training loss, and each classifier's test accuracy, by epoch."""
    rows = run.read_rows("metrics.csv")
    figure = new_figure(10, 4.2)
    left, right = figure.subplots(1, 2)
    ends = sorted({int(row["last_layer"]) for row in rows})
    for end in ends:
        mine = [row for row in rows if row["last_layer"] == end]
        epochs = [row["epoch"] for row in mine]
        own = end == ends[-1]
        style: dict[str, Any] = {
            "color": "black" if own else BLOCK_COLOURS[ends.index(end) % len(BLOCK_COLOURS)],
            "linewidth": 2 if own else 1.2,
            "marker": "o" if len(rows) < 200 else None,
            "markersize": 4 if own else 3,
            "zorder": 3 if own else 2,
        }
        name = f"$A_{{{end}}}$" + (" (the network's own)" if own else "")
        left.plot(epochs, [row["train_loss"] for row in mine], label=name, **style)
        if "test_accuracy" in mine[0]:
            right.plot(epochs, [100 * row["test_accuracy"] for row in mine], label=name, **style)
        if own and "validation_accuracy" in mine[0]:
            style |= {"linestyle": ":", "marker": None}
            right.plot(
                epochs,
                [100 * row["validation_accuracy"] for row in mine],
                label=f"{name}, validation",
                **style,
            )
    left.set(xlabel="epoch", ylabel="training loss", title="training loss of each block")
    right.set(xlabel="epoch", ylabel="test accuracy (%)", title="test accuracy of each block's classifier")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        integer_ticks(axes.xaxis)
    right.legend(fontsize=8, ncols=1 + len(ends) // 8)
    return save(figure, run.path / "curves.png", title)


@drawing()
def draw_gradient_map(run: RunDirectory, title: str) -> Path:
    """Draw gradient_map.png: which block trained which layer in which epoch, and how large its gradient was.

    A run with --alignment also has its cosines with BP's gradient in it.
    """
    aligned = run.read_rows("alignment.csv") if (run.path / "alignment.csv").exists() else ()
    return save(gradient_map(run.read_rows("gradients.csv"), title, aligned), run.path / "gradient_map.png")


def gradient_map(rows: Sequence[Mapping[str, float]], title: str, alignment: Sequence[Mapping[str, float]] = ()) -> Any:
    """Return the figure of a gradient map, from rows with the columns of gradients.csv and perhaps alignment.csv.

    Layers go down, epochs across. A cell has the colour of its block, the darker the larger the layer's mean
    gradient norm (on a logarithmic scale over the whole run); frozen layers are grey and hatched. Below, with
    `alignment`, are the cosines between each layer's gradient and BP's.
    """
    from matplotlib.patches import Patch, Rectangle

    layers, epochs = (int(max(row[name] for row in rows)) for name in ("layer", "epoch"))
    block, size = np.zeros((layers, epochs), int), np.full((layers, epochs), np.nan)
    for row in rows:
        place = int(row["layer"]) - 1, int(row["epoch"]) - 1
        block[place] = row["block"]
        size[place] = math.log10(row["gradient_norm"]) if row["gradient_norm"] > 0 else np.nan
    panels = 2 if alignment else 1
    figure = new_figure(max(6.5, min(14, 2.6 + 0.5 * epochs)), 2 + 0.3 * layers * panels + 0.6 * (panels - 1))
    grid = figure.subplots(panels, 2, width_ratios=[30, 1], squeeze=False)
    axes, scale = grid[0]
    known = size[np.isfinite(size)]
    low, high = (known.min(), known.max()) if known.size else (0.0, 1.0)
    axes.imshow(
        _shaded(block, size, low, high), extent=(0.5, epochs + 0.5, layers + 0.5, 0.5), aspect="auto",
        interpolation="nearest",
    )  # fmt: skip
    for e in range(epochs):  # outline the layers that learned together
        first = 0
        for last in range(layers):
            if last + 1 < layers and block[last + 1, e] == block[first, e]:
                continue
            frozen = block[first, e] == 0
            style: dict[str, Any] = {"edgecolor": "white", "linewidth": min(1.6, 60 / epochs)}
            if frozen:
                style = {"edgecolor": "#9A9A9A", "linewidth": 0, "hatch": "////"}
            axes.add_patch(Rectangle((e + 0.5, first + 0.5), 1, last - first + 1, fill=False, **style))
            if not frozen and epochs <= 40:
                axes.text(
                    e + 1, (first + last) / 2 + 1, str(block[first, e]), ha="center", va="center",
                    fontsize=8, color="white", fontweight="bold", path_effects=_halo(),
                )  # fmt: skip
            first = last + 1
    axes.set_title(
        "colour and number: the block that trained the layer; the darker, the larger its gradient", fontsize=8
    )
    entitle(figure, title)
    if alignment:
        _draw_alignment(alignment, np.full((layers, epochs), np.nan), *grid[1])
    for panel in grid[:, 0]:
        panel.set(xlabel="epoch", ylabel="layer", yticks=range(1, layers + 1))
        if epochs <= 20:
            panel.set_xticks(range(1, epochs + 1))
        else:
            integer_ticks(panel.xaxis)
    if (block == 0).any():
        patch = Patch(facecolor=FROZEN, edgecolor="#9A9A9A", hatch="////", label="frozen")
        grid[-1, 0].legend(
            handles=[patch],
            loc="upper left",
            bbox_to_anchor=(0, -0.08 - 0.5 / layers),
            fontsize=8,
            frameon=False,
        )
    levels = np.linspace(low, high, 64)[::-1, None]
    scale.imshow(
        _shaded(np.ones_like(levels, int), levels, low, high, grey=True),
        extent=(0, 1, low, high),
        aspect="auto",
    )
    scale.yaxis.tick_right()
    scale.yaxis.set_label_position("right")
    scale.set(xticks=[], ylabel="log₁₀ of the mean gradient norm")
    return figure


def _draw_alignment(rows: Sequence[Mapping[str, float]], cosine: np.ndarray, axes: Any, scale: Any) -> None:
    """Draw the cosines as a panel of the gradient map, with their colour scale beside it."""
    for row in rows:
        cosine[int(row["layer"]) - 1, int(row["epoch"]) - 1] = row.get("cosine", np.nan)
    layers, epochs = cosine.shape
    axes.patch.set(facecolor=FROZEN, edgecolor="#9A9A9A", hatch="////")  # shows where there is no cosine
    image = axes.imshow(
        cosine, extent=(0.5, epochs + 0.5, layers + 0.5, 0.5), aspect="auto", interpolation="nearest", cmap="RdBu",
        vmin=-1, vmax=1,
    )  # fmt: skip
    axes.set_title("cosine between the layer's gradient and BP's, on one minibatch after each epoch", fontsize=8)
    for i, e in np.argwhere(np.isfinite(cosine)) if epochs <= 20 else ():
        colour = "white" if abs(cosine[i, e]) > 0.6 else "black"
        axes.text(e + 1, i + 1, f"{cosine[i, e]:.2f}", ha="center", va="center", fontsize=7, color=colour)
    axes.figure.colorbar(image, cax=scale, label="cosine")


@drawing()
def draw_confusion(matrix: np.ndarray, classes: Sequence[str], title: str, path: Path) -> Path:
    """Draw a confusion matrix (true class down, predicted class across) with its counts.

    Long names are cut. A class whose name has characters that no font has goes by its number.
    """
    count = len(classes)
    names = [plain(name, LONGEST_NAME) for name in classes]
    names = [name if name.count("?") == classes[i].count("?") else f"class {i}" for i, name in enumerate(names)]
    side = 0.5 * min(count, 30)
    figure = new_figure(max(4.5, 2.5 + side), max(3.5, 2 + side))
    axes = figure.subplots()
    axes.imshow(matrix / matrix.sum(axis=1, keepdims=True).clip(1), cmap="Blues", vmin=0, vmax=1)
    if count <= 20:
        axes.set_xticks(range(count), names, rotation=45, ha="right")
        axes.set_yticks(range(count), names)
        for i, j in np.argwhere(matrix):
            colour = "white" if matrix[i, j] > 0.5 * matrix[i].sum() else "black"
            axes.text(j, i, matrix[i, j], ha="center", va="center", fontsize=8, color=colour)
    axes.set(xlabel="predicted", ylabel="true")
    return save(figure, path, title)


def _shaded(block: np.ndarray, size: np.ndarray, low: float, high: float, grey: bool = False) -> np.ndarray:
    """Return RGB (rows, columns, 3): each block's colour, mixed with white where the gradient is small."""
    from matplotlib.colors import to_rgb

    colours = np.array([to_rgb(FROZEN), *(to_rgb("#333333" if grey else c) for c in BLOCK_COLOURS)])
    colour = colours[np.where(block > 0, (block - 1) % len(BLOCK_COLOURS) + 1, 0)]
    depth = np.where(block > 0, 0.25 + 0.75 * (size - low) / max(high - low, 1e-9), 1.0)
    depth = np.nan_to_num(depth, nan=0.25)[..., None]
    return depth * colour + (1 - depth)


def _halo() -> list[Any]:
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=1.5, foreground="#00000066")]
