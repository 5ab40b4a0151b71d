import base64
import io

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from matplotlib.image import imread

from minilocal.console.plots import BLOCK_COLOURS
from minilocal.course import block_line, block_patch, show, style
from minilocal.course.products import draw_products


@pytest.fixture(autouse=True)
def course_style():
    plt.switch_backend("agg")
    with mpl.rc_context():
        style()
        yield


@pytest.fixture
def shown(monkeypatch):
    calls = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw, metadata=None: calls.append((bundle, metadata)))
    return calls


def test_a_figure_has_a_caption_an_alt_text_and_twice_the_pixels(shown):
    figure, axes = plt.subplots(figsize=(6, 3))
    axes.plot([1, 2])
    show(figure, "**Figure 1.** A line.", alt="A line from 1 to 2.")
    (picture, metadata), (caption, _) = shown
    pixels = imread(io.BytesIO(base64.b64decode(picture["image/png"])))
    assert pixels.shape[:2] == (600, 1200)
    assert metadata == {"image/png": {"width": 600, "alt": "A line from 1 to 2.", "smallest": 10.0}}
    assert picture["text/plain"] == "A line from 1 to 2."
    assert caption["text/markdown"].startswith("**Figure 1.** A line.\n")
    assert "A line from 1 to 2." in caption["text/markdown"]
    assert not plt.get_fignums()


def test_the_same_figure_has_the_same_bytes(shown):
    for _ in range(2):
        figure, axes = plt.subplots()
        axes.plot([3, 1])
        show(figure, "c", "a")
    assert shown[0] == shown[2]


def test_blocks_differ_by_more_than_their_colour():
    numbers = range(1, len(BLOCK_COLOURS) + 1)
    assert len({block_patch(n)["hatch"] for n in numbers}) == len(BLOCK_COLOURS)
    assert len({str(block_line(n)["linestyle"]) for n in numbers}) == len(BLOCK_COLOURS)
    assert block_patch(8) == block_patch(1)
    assert block_line(2)["color"] == block_patch(2)["facecolor"] == BLOCK_COLOURS[1]


def test_products_name_their_sizes():
    figure = draw_products({"forward": "$x$ (N, in) · $W$ (in, C) = $z$ (N, C)"}, {"N": 1, "in": 2, "C": 1})
    texts = {text.get_text() for text in figure.axes[0].texts}
    assert {"(N, in)", "(in, C)", "(N, C)", "·", "=", "$W$", "forward"} <= texts
    widths = [patch.get_width() for patch in figure.axes[0].patches]
    assert widths == [2, 1, 1]
    plt.close(figure)
