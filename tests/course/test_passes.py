import matplotlib.pyplot as plt

from minilocal.course.passes import draw_passes

PLANS = {"two passes": [("sums", "x", ""), ("gradient", "x dy", "dx")], "one": [("gradient", "x dy", "dx")]}


def test_reads_and_writes_are_drawn_and_counted():
    plt.switch_backend("agg")
    figure = draw_passes(PLANS, ["x", "dy", "dx"])
    left, right = figure.axes
    assert left.get_title() == "two passes"
    texts = [text.get_text() for text in left.texts]
    assert (texts.count("R"), texts.count("W")) == (3, 1)
    assert {"sums", "gradient", "$dy$", "2 passes, 4 arrays moved"} <= set(texts)
    assert "1 pass, 3 arrays moved" in {text.get_text() for text in right.texts}
    plt.close(figure)
