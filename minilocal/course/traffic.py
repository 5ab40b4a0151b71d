"""Words between a chip and the memory beside it, as arrows as thick as they are many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minilocal.course.figure import GREY, INK, PALE

HEIGHT = 1.0  # of the arrows' column
GAP = 0.085  # between arrows, where their labels are


def draw_traffic(steps: Mapping[str, Mapping[str, float]]) -> Any:
    """Return a figure with a chip and its memory for each step: title → {label: words}.

    Words come from memory, or go there where they are negative; labels say what they are. The longest column of
    arrows fills the height, and all panels have one scale.
    """
    import matplotlib.pyplot as plt

    most = max(sum(map(abs, words.values())) for words in steps.values())
    scale = (HEIGHT - GAP * max(map(len, steps.values()))) / most
    figure, axes = plt.subplots(1, len(steps), figsize=(7.5, 3.6), squeeze=False)
    for axis, (title, words) in zip(axes[0], steps.items(), strict=True):
        for x, name in ((0.0, "chip"), (1.42, "off-chip\nmemory")):
            axis.add_patch(plt.Rectangle((x, -0.04), 0.42, HEIGHT + 0.08, facecolor=PALE, edgecolor=INK))
            axis.text(x + 0.21, HEIGHT / 2, name, ha="center", va="center")
        top = HEIGHT
        for label, number in words.items():
            thick = abs(number) * scale
            top -= GAP
            axis.text(0.92, top + 0.012, f"{label}  {abs(number) / 1e6:.1f}", ha="center", va="bottom", fontsize=8)
            start, end = (1.42, 0.42) if number > 0 else (0.42, 1.42)
            axis.arrow(
                start, top - thick / 2, end - start, 0, width=thick * 0.72, head_width=thick, head_length=0.09,
                length_includes_head=True, facecolor=GREY if number > 0 else INK, edgecolor="none",
            )  # fmt: skip
            top -= thick
        axis.set(xlim=(-0.03, 1.87), ylim=(-0.08, HEIGHT + 0.08))
        axis.set_title(title)
        axis.axis("off")
    return figure
