import matplotlib.pyplot as plt
from matplotlib.colors import to_hex

from minilocal.console.plots import BLOCK_COLOURS
from minilocal.course.local_losses import draw_local_losses


def test_both_losses_follow_the_block():
    plt.switch_backend("agg")
    figure = draw_local_losses()
    (axes,) = figure.axes
    texts = {text.get_text() for text in axes.texts}
    assert {"$f_i$", "$f_j$", "$A_j$", "cross-entropy", "$S(h)$", "$S(Y)$", "labels", "stops"} <= texts
    colours = [to_hex(patch.get_facecolor()).upper() for patch in axes.patches[:2]]
    assert colours == [BLOCK_COLOURS[0]] * 2
    plt.close(figure)
