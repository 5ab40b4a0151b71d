import matplotlib.pyplot as plt
from matplotlib.colors import to_hex
from matplotlib.text import Annotation

from minilocal.console.plots import BLOCK_COLOURS
from minilocal.course.jobs import draw_jobs


def test_a_job_waits_for_features_and_for_weights():
    plt.switch_backend("agg")
    (axes,) = draw_jobs(blocks=2, steps=3).axes
    boxes = {
        (round(box.get_x() + box.get_width() / 2), round(box.get_y() + box.get_height() / 2)): box
        for box in axes.patches
    }
    assert set(boxes) == {(step, block) for step in range(3) for block in range(2)}
    assert to_hex(boxes[2, 1].get_facecolor()).upper() == BLOCK_COLOURS[1]
    arrows = {
        tuple(round(number) for number in (*text.xyann, *text.xy))
        for text in axes.texts
        if isinstance(text, Annotation)
    }
    assert arrows == {
        *((step, block, step + 1, block) for step in range(2) for block in range(2)),
        *((step, 0, step, 1) for step in range(3)),
    }
    assert len(axes.lines) == 2  # diagonals of two jobs
    plt.close("all")
