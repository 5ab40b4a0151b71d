import matplotlib.pyplot as plt
from matplotlib.colors import to_hex

from minilocal.course.paths import draw_paths
from minilocal.figures import BLOCK_COLOURS, FROZEN
from minilocal.schedule import parse


def test_layers_have_their_blocks_colour_and_a_gradient_ends_where_its_block_begins():
    plt.switch_backend("agg")
    figure = draw_paths({"G3S2": parse("G3S2").blocks_at(1, layers=7)}, layers=7)
    axes = figure.axes[0]
    first, second = BLOCK_COLOURS[:2]
    boxes = [to_hex(patch.get_facecolor()).upper() for patch in axes.patches]
    assert boxes == [FROZEN] * 2 + [first] * 3 + [second] * 2 + [first, second]  # layers 1 … 7, then A_5 and A_7
    bars = [line.get_xdata()[0] for line in axes.lines]
    assert [round(bar + 0.5) for bar in bars] == [3, 6]
    plt.close(figure)
