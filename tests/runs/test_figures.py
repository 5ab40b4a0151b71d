"""Figures are drawn from CSV files. Without eyes, a test can check that every cell is where it belongs."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.image import imread

from minilocal.console.plots import BLOCK_COLOURS
from minilocal.runs.directory import RunDirectory
from minilocal.runs.figures import draw_confusion, draw_curves, draw_gradient_map
from minilocal.runs.tables import ALIGNMENT, GRADIENTS, METRICS
from minilocal.schedule import parse


@pytest.fixture
def run(tmp_path):
    def write(algo, layers, epochs):
        schedule, metrics, gradients = parse(algo), [",".join(METRICS)], [",".join(GRADIENTS)]
        for epoch in range(epochs):
            shift, blocks = schedule.shift_at(epoch), schedule.blocks_at(epoch, layers)
            for number, b in enumerate(blocks, 1):
                metrics.append(f"{epoch + 1},{shift},{number},{b.first},{b.last},0.1,{1 / (epoch + 1)},0.5,,,1.0,0.5")
            for layer in range(1, layers + 1):
                number = next((i for i, b in enumerate(blocks, 1) if b.first <= layer <= b.last), 0)
                gradients.append(f"{epoch + 1},{shift},{layer},{number},{0.1 * layer if number else 0.0},1.0")
        (tmp_path / "metrics.csv").write_text("\n".join([*metrics, ""]))
        (tmp_path / "gradients.csv").write_text("\n".join([*gradients, ""]))
        return RunDirectory(tmp_path)

    return write


@pytest.mark.parametrize(("algo", "layers", "epochs"), [("BP", 7, 1), ("G1", 18, 3), ("G3S2", 7, 6), ("G3S1", 15, 90)])
def test_figures_are_drawn(run, algo, layers, epochs):
    directory = run(algo, layers, epochs)
    for draw in (draw_curves, draw_gradient_map):
        path = draw(directory, "title")
        assert imread(path).std() > 0.01
        assert not list(directory.path.glob(".*"))


def test_titles_and_classes_are_not_read_as_formulas(run, tmp_path):
    """Names of files and classes may contain any characters."""
    title, directory = "a$\\frac$ \udcff.npz", run("G2S1", 4, 2)
    for draw in (draw_curves, draw_gradient_map):
        assert draw(directory, title).exists()
    assert draw_confusion(np.eye(3, dtype=int), ["$", "$x^$", "_{"], title, tmp_path / "x.png").exists()


def test_cells_have_their_blocks_colour_and_frozen_ones_are_grey(run, monkeypatch):
    """Catch the picture before it is drawn: one RGB cell per layer and epoch."""
    shown = []
    monkeypatch.setattr("matplotlib.axes.Axes.imshow", lambda self, image, **_: shown.append(np.asarray(image)))
    draw_gradient_map(run("G3S2", 7, 2), "title")
    cells = shown[0]
    assert cells.shape == (7, 2, 3)

    def hue(cell):
        return np.round((1 - cell) / (1 - cell).max(), 6)  # what is left when white is taken out

    def colour(name):
        return hue(np.array([int(name[i : i + 2], 16) / 255 for i in (1, 3, 5)]))

    for epoch, numbers in ((0, [1, 1, 1, 2, 2, 2, 3]), (1, [0, 0, 1, 1, 1, 2, 2])):
        for layer, number in enumerate(numbers):
            if number:
                np.testing.assert_allclose(hue(cells[layer, epoch]), colour(BLOCK_COLOURS[number - 1]), atol=1e-5)
            else:
                assert np.ptp(cells[layer, epoch]) == 0  # grey
    depth = 1 - cells.min(axis=2)
    assert depth[0, 0] < depth[1, 0] < depth[2, 0]  # larger gradients are darker


def test_cosines_have_a_panel_below_and_frozen_layers_are_left_out(run, monkeypatch):
    shown, directory = [], run("G3S2", 7, 2)
    rows = directory.read_rows("gradients.csv")
    lines = [
        f"{r['epoch']:.0f},0,{r['layer']:.0f},{r['block']:.0f},{r['layer'] / -8 if r['block'] else ''}" for r in rows
    ]
    (directory.path / "alignment.csv").write_text("\n".join([",".join(ALIGNMENT), *lines, ""]))
    original = Axes.imshow
    monkeypatch.setattr(Axes, "imshow", lambda self, image, **o: shown.append(image) or original(self, image, **o))
    draw_gradient_map(directory, "title")
    cosines = next(np.asarray(image) for image in shown if np.ndim(image) == 2)
    expected = np.repeat(np.arange(1, 8)[:, None] / -8, 2, axis=1)
    expected[:2, 1] = np.nan
    np.testing.assert_array_equal(cosines, expected)


def test_confusion(tmp_path):
    for classes in (3, 40):
        matrix = np.random.default_rng(0).integers(0, 9, (classes, classes))
        assert (
            imread(draw_confusion(matrix, [f"class {i}" for i in range(classes)], "t", tmp_path / "c.png")).std() > 0.01
        )


def test_names_of_classes_may_be_anything(tmp_path, monkeypatch):
    """Warnings are errors here; Matplotlib warns of characters that no font has. Nothing lies outside the picture."""
    import matplotlib.figure

    labels, savefig = [], matplotlib.figure.Figure.savefig

    def look(figure, *args, **kwargs):
        savefig(figure, *args, **kwargs)
        figure.draw_without_rendering()  # with the resolution that sizes refer to
        axes = figure.axes[0]
        labels[:] = [label.get_text() for label in axes.get_yticklabels()]
        texts = [figure._suptitle, *axes.get_xticklabels(), *axes.get_yticklabels()]
        whole = figure.bbox.padded(1)
        for box in (text.get_window_extent() for text in texts):
            assert whole.contains(box.x0, box.y0)
            assert whole.contains(box.x1, box.y1)

    monkeypatch.setattr(matplotlib.figure.Figure, "savefig", look)
    names = ["two\nlines", "\x1b[2J", "\U0001faff", "$x", "a" * 80]
    for count in (2, len(names)):
        title = f"G3S2, vgg8b × 0.0625, {'my images ' * 6}.npz, 10 epochs, seed 0"
        draw_confusion(np.eye(count, dtype=int), names[:count], title, tmp_path / "c.png")
        assert labels == ["two lines", "class 1", "class 2", r"\$x", "a" * 23 + "…"][:count]
