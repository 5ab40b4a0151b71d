"""Words that travel between a chip and its off-chip memory; the more words, the thicker the arrow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minilocal.course.figure import GREY, INK, PALE, box, frame, label

HEIGHT = 1.0  # of the column of arrows
GAP = 0.085  # between arrows, for their labels


def draw_traffic(steps: Mapping[str, Mapping[str, float]]) -> Any:
    """Return a figure with a chip and its memory for each step: title → {name: words}.

    Words come from memory, or go there if their number is negative; names say what they are. The tallest column of
    arrows fills the height, and all panels have the same scale.
    """
    import matplotlib.pyplot as plt

    most = max(sum(map(abs, words.values())) for words in steps.values())
    scale = (HEIGHT - GAP * max(map(len, steps.values()))) / most
    figure, axes = plt.subplots(1, len(steps), figsize=(7.5, 3.6), squeeze=False)
    for axis, (title, words) in zip(axes[0], steps.items(), strict=True):
        for x, name in ((0.0, "chip"), (1.42, "off-chip\nmemory")):
            box(axis, x, -0.04, 0.42, HEIGHT + 0.08, facecolor=PALE, edgecolor=INK)
            label(axis, x + 0.21, HEIGHT / 2, name)
        top = HEIGHT
        for name, number in words.items():
            thick = abs(number) * scale
            top -= GAP
            label(axis, 0.92, top + 0.012, f"{name}  {abs(number) / 1e6:.1f}", va="bottom", fontsize=8)
            start, end = (1.42, 0.42) if number > 0 else (0.42, 1.42)
            axis.arrow(
                start, top - thick / 2, end - start, 0, width=thick * 0.72, head_width=thick, head_length=0.09,
                length_includes_head=True, facecolor=GREY if number > 0 else INK, edgecolor="none",
            )  # fmt: skip
            top -= thick
        frame(axis, (-0.03, 1.87), (-0.08, HEIGHT + 0.08), title=title)
    return figure
