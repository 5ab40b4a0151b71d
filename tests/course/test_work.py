import matplotlib.pyplot as plt
import pytest

from minilocal.console.plots import BLOCK_COLOURS, FROZEN
from minilocal.course.work import draw_work
from minilocal.schedule import parse


@pytest.fixture
def cells():
    """Return a function that draws a step and returns its cells by (layer, product)."""
    plt.switch_backend("agg")

    def draw(macs, blocks):
        (axis,) = draw_work(macs, {"step": blocks}).axes
        lefts = sorted({patch.get_x() for patch in axis.patches})
        return {
            (lefts.index(patch.get_x()) + 1, ("input", "weight", "forward")[int(patch.get_y())]): patch
            for patch in axis.patches
        }

    yield draw
    plt.close("all")


def colour(patch):
    return plt.matplotlib.colors.to_hex(patch.get_facecolor()).upper()


def test_products_that_a_step_leaves_out_are_blank(cells):
    drawn = cells([1, 2, 3, 4, 5], parse("G2S1").blocks_at(1, 5))  # layer 1 frozen, blocks 2-3 and 4-5
    blank = {place for place, patch in drawn.items() if colour(patch) == "#FFFFFF"}
    assert blank == {(1, "weight"), (1, "input"), (2, "input"), (4, "input")}
    assert colour(drawn[1, "forward"]) == FROZEN
    assert colour(drawn[3, "input"]) == colour(drawn[2, "forward"]) == BLOCK_COLOURS[0]
    assert colour(drawn[5, "weight"]) == BLOCK_COLOURS[1]


def test_areas_are_multiply_adds(cells):
    drawn = cells([10, 30, 20], parse("G2").blocks_at(0, 3))
    assert [drawn[layer, "forward"].get_width() for layer in (1, 2, 3)] == [10, 30, 20]
    assert len({patch.get_height() for patch in drawn.values()}) == 1
