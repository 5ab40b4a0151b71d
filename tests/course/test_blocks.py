import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_hex

from minilocal.console.plots import BLOCK_COLOURS, FROZEN
from minilocal.course.blocks import draw_blocks
from minilocal.schedule import parse


@pytest.fixture(autouse=True)
def close():
    plt.switch_backend("agg")
    yield
    plt.close("all")


def test_layers_have_the_colour_of_their_block_and_blocks_have_a_classifier():
    axes = draw_blocks({"G3S2": parse("G3S2").blocks_at(1, layers=6)}, layers=6).axes[0]
    colours = [
        to_hex(patch.get_facecolor()).upper() for patch in axes.patches if patch.get_facecolor()[:3] != (1, 1, 1)
    ]
    assert colours == [FROZEN] * 2 + [BLOCK_COLOURS[0]] * 3 + [BLOCK_COLOURS[1]]
    texts = [text.get_text() for text in axes.texts]
    assert [text for text in texts if text.startswith("$A")] == ["$A_5$", "$A_6$"]


@pytest.mark.parametrize(("algo", "walls", "hops"), [("BP", 1, 6), ("G1", 7, 0), ("G3", 3, 4)])
def test_a_gradient_goes_from_layer_to_layer_up_to_its_wall(algo, walls, hops):
    axes = draw_blocks({algo: parse(algo).blocks_at(0, layers=7)}, layers=7).axes[0]
    assert [line.get_xdata()[0] for line in axes.lines] == [i - 0.5 for i, _ in parse(algo).blocks_at(0, 7)]
    assert len(axes.lines) == walls
    thick = [text.arrow_patch for text in axes.texts if text.get_text() == "" and text.arrow_patch.get_linewidth() > 2]
    assert len(thick) == hops + walls  # and one from each classifier to its layer
