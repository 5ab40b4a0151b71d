import matplotlib.pyplot as plt
import numpy as np
import pytest

from minilocal.course import figures
from minilocal.course.charts import draw_bars, draw_curves, draw_images, draw_tables
from minilocal.course.lesson import CAPTIONS
from minilocal.errors import InputError


@pytest.fixture(autouse=True)
def close():
    plt.switch_backend("agg")
    yield
    plt.close("all")


def test_images_stand_in_rows_below_their_titles():
    figure = draw_images({name: np.zeros((2, 3)) for name in "abcd"}, rows=2, vmin=-1)
    assert [axes.get_title() for axes in figure.axes] == ["a", "b", "c", "d"]
    assert figure.axes[0].images[0].get_clim()[0] == -1


def test_curves_take_looks_and_options_by_panel():
    curves = {"one": ([1, 2], [3, 4]), "_wall": ([1, 1], [0, 9], {"linewidth": 7})}
    left, right = draw_curves({"left": curves, "right": {"": ([1], [2])}}, xlabel=["x", "y"]).axes
    assert [line.get_linewidth() for line in left.lines][1] == 7
    assert [text.get_text() for text in left.get_legend().texts] == ["one"]
    assert right.get_legend() is None
    assert (left.get_xlabel(), right.get_xlabel()) == ("x", "y")


def test_bars_stand_side_by_side_with_marks():
    bars = {"a": [1, 2, 3], "b": [3, 2, 1]}
    (axes,) = draw_bars({"t": bars}, ["x", "y", "z"], marks={("t", "b"): [2, np.nan, 2]}).axes
    a, b = axes.containers
    assert [bar.get_height() for bar in a] == [1, 2, 3]
    assert a[0].get_x() + a[0].get_width() == pytest.approx(b[0].get_x())
    (marks,) = axes.collections
    assert len(marks.get_segments()) == 3


def test_words_in_tables_can_be_read_on_their_shade():
    (axes,) = draw_tables({"t": (np.array([[0.0, 1.0]]), [["light", "dark"]])}).axes
    assert {text.get_text(): text.get_color() for text in axes.texts} == {"light": "black", "dark": "white"}


def test_a_figure_without_a_caption_is_refused():
    with pytest.raises(InputError, match="no Figure 99; add"):
        figures(1)(plt.figure(), 99)


@pytest.mark.parametrize("path", sorted(CAPTIONS.glob("*.md")), ids=lambda path: path.stem)
def test_every_figure_has_a_caption_and_an_alt_text(path):
    texts = path.read_text(encoding="utf-8").strip().split("\n\n")
    captions, alts = texts[::2], texts[1::2]
    assert len(captions) == len(alts)
    for number, caption in enumerate(captions, 1):
        assert caption.startswith(f"**Figure {number}.** ")
    assert not [alt for alt in alts if alt.startswith("**")]
