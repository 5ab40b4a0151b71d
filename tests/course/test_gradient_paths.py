import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_hex

from minilocal.console.plots import BLOCK_COLOURS, FROZEN
from minilocal.course.gradient_paths import animate_gradient_paths, draw_gradient_paths, states_at
from minilocal.schedule import Block, parse


@pytest.fixture(autouse=True)
def close():
    plt.switch_backend("agg")
    yield
    plt.close("all")


def bars(axes):
    """Return epoch, first layer, last layer and colour of every bar."""
    found = []
    for patch in axes.patches:
        x, y, height = patch.get_x(), patch.get_y(), patch.get_height()
        found.append(
            (round(x + 0.44), round(y + 0.48), round(y + height - 0.48), to_hex(patch.get_facecolor()).upper())
        )
    return found


def test_a_complete_picture_shows_the_blocks_of_every_epoch():
    bp, g3s2 = draw_gradient_paths(["BP", "G3S2"], layers=7, epochs=2).axes
    assert bars(bp) == [(epoch, 1, 7, BLOCK_COLOURS[0]) for epoch in (1, 2)]
    assert bars(g3s2) == [
        *((1, i, j, colour) for (i, j), colour in zip([(1, 3), (4, 6), (7, 7)], BLOCK_COLOURS, strict=False)),
        (2, 1, 2, FROZEN),
        *((2, i, j, colour) for (i, j), colour in zip([(3, 5), (6, 7)], BLOCK_COLOURS, strict=False)),
    ]
    assert len(g3s2.lines) == 5  # walls


@pytest.mark.parametrize("algo", ["BP", "G1", "G2", "G3S2"])
@pytest.mark.parametrize("epoch", [0, 1])
def test_a_step_runs_every_layer_forward_and_trains_all_but_the_frozen_ones(algo, epoch):
    blocks = parse(algo).blocks_at(epoch, 7)
    before = {}
    for moment in range(14):
        states = states_at(blocks, moment)
        assert sum(states.get(layer) != before.get(layer) for layer in range(1, 8)) <= 1
        kept = [layer for layer, state in states.items() if state == "kept"]
        assert len(kept) <= max(last - first + 1 for first, last in blocks)  # one block's at a time
        before = states
    frozen = blocks[0].first - 1
    assert states == {layer: "frozen" if layer <= frozen else "trained" for layer in range(1, 8)}


def test_a_moment_shows_what_is_kept_and_what_the_gradient_has_passed():
    axes = draw_gradient_paths(["BP", "G2"], layers=4, epochs=2, moment=8 + 5).axes[0]
    kept = [(first, last) for epoch, first, last, _ in bars(axes) if epoch == 2]
    assert kept == [(1, 1), (2, 2), (3, 4)]
    assert len(axes.lines) == 1  # the first epoch's wall; the gradient has not reached this epoch's


def test_an_animation_has_a_frame_for_every_moment_and_a_complete_one():
    figures = list(animate_gradient_paths(["BP", "G2"], layers=2, epochs=2))
    assert len(figures) == 1 + 2 * 2 * 2
    assert (
        bars(figures[0].axes[1])
        == bars(figures[-1].axes[1])
        == [(1, 1, 2, BLOCK_COLOURS[0]), (2, 1, 2, BLOCK_COLOURS[0])]
    )
    assert states_at([Block(1, 2)], 0) == {1: "kept"}
