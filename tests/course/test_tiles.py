import matplotlib.pyplot as plt

from minilocal.course.tiles import draw_tiles


def test_sizes_of_tiles_patches_and_points():
    plt.switch_backend("agg")
    (axes,) = draw_tiles().axes
    sizes = [(patch.get_width(), patch.get_height()) for patch in axes.patches]
    assert sizes.count((4, 4)) == 6
    assert sizes.count((6, 6)) == 2
    assert sizes.count((1, 1)) == 12 * 8 + 6 * 6 + 3 * 3 + 2 * 36 + 4 * 4
    texts = {text.get_text() for text in axes.texts}
    assert {"patch $d$", "kernel $g$", "36 points", "tile", "⊙"} <= texts
    plt.close(axes.figure)
