import matplotlib.pyplot as plt
from matplotlib.colors import to_hex

from minilocal.console.plots import BLOCK_COLOURS
from minilocal.course.timeline import Job, draw_timeline


def test_a_box_for_each_job_at_its_time():
    plt.switch_backend("agg")
    late = [Job(1, 1, 100.0, 103.0, "1"), Job(2, 2, 103.0, 104.0, "1")]
    figure = draw_timeline({"a": late, "b": [Job(1, 2, 110.0, 112.0, "")]}, "s")
    upper, lower = figure.axes
    spans = [(box.get_x(), box.get_width(), box.get_y() + 0.4) for box in upper.patches]
    assert spans == [(0, 3, 1), (3, 1, 2)]  # the earliest job begins at 0
    assert lower.patches[0].get_x() == 10
    assert to_hex(lower.patches[0].get_facecolor()).upper() == BLOCK_COLOURS[1]
    assert upper.get_xlim() == lower.get_xlim()
    assert lower.get_xlim()[1] >= 12
    plt.close("all")
