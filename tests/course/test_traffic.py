import matplotlib.pyplot as plt
import pytest
from matplotlib.patches import FancyArrow

from minilocal.course.traffic import draw_traffic


def test_arrows_have_the_right_thickness_and_direction():
    plt.switch_backend("agg")
    figure = draw_traffic({"BP": {"in": 3e6, "out": -1e6}, "local": {"in": 2e6}})
    arrows = [[patch.get_xy() for patch in axis.patches if isinstance(patch, FancyArrow)] for axis in figure.axes]
    (inwards, outwards), (alone,) = arrows
    thick = [corners[:, 1].max() - corners[:, 1].min() for corners in (inwards, outwards, alone)]
    assert thick == pytest.approx([3 * thick[1], thick[1], 2 * thick[1]])
    assert inwards[0, 0] < inwards[:, 0].mean()  # the tip; the memory is on the right
    assert outwards[0, 0] > outwards[:, 0].mean()
    assert inwards[:, 1].min() > outwards[:, 1].max()  # no two overlap
    assert outwards[:, 1].min() >= 0  # and none is below the chip
    assert "in  3.0" in {text.get_text() for text in figure.axes[0].texts}
    plt.close(figure)
