import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread

from minilocal.compare.figures import FIGURES, draw_accuracy, draw_cost, draw_loss
from minilocal.compare.results import read_results

ACCURACIES = {"BP": [0.9, 0.92], "G1": [0.8, 0.81], "G1/a2": [0.82, 0.84], "G3S2/epochs=4": [0.85, 0.86], "G2": [None]}


@pytest.fixture
def results(made_up):
    return read_results(made_up(ACCURACIES))


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """The function that draws a figure, saves it and returns it."""
    figures, save = [], Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *a, **k: (figures.append(self), save(self, *a, **k)))
    return lambda draw, results: draw(results, tmp_path / "figure.png") and figures[-1]


def test_all_are_drawn(results, tmp_path):
    for name, (draw, _) in FIGURES.items():
        assert imread(draw(results, tmp_path / name)).std() > 0.01
    assert {path.name for path in tmp_path.iterdir()} == {*FIGURES, "sweep"}


def test_accuracy_has_a_curve_and_a_band_per_entry(results, drawn):
    figure = drawn(draw_accuracy, results)
    (axes,) = figure.axes
    lines = {line.get_label(): line for line in axes.get_lines()}
    assert list(lines) == ["BP  91.0 %", "G1  80.5 %", "G1/a2  83.0 %", "G3S2/epochs=4  85.5 %"]
    assert list(lines["BP  91.0 %"].get_ydata()) == pytest.approx([45.5, 91])
    assert list(lines["G3S2/epochs=4  85.5 %"].get_xdata()) == [1, 2, 3, 4]
    assert len(axes.collections) == 4
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(lines)
    looks = {(line.get_color(), line.get_marker(), line.get_linestyle()) for line in lines.values()}
    assert len(looks) == 4
    assert lines["G1  80.5 %"].get_color() == lines["G1/a2  83.0 %"].get_color() != lines["BP  91.0 %"].get_color()
    assert lines["G1  80.5 %"].get_marker() != lines["BP  91.0 %"].get_marker()  # in greyscale too


def test_losses_have_a_panel_each(results, drawn):
    left, right = drawn(draw_loss, results).axes
    assert (left.get_title(), right.get_title()) == ("training loss", "test loss")
    assert {value for line in left.get_lines() for value in line.get_ydata()} == {0.5}
    assert {value for line in right.get_lines() for value in line.get_ydata()} == {0.7}
    assert len(left.get_lines()) == len(right.get_lines()) == 4


def test_costs_are_shares_of_backprops_and_the_legend_names_all_points(results, drawn, monkeypatch):
    points = []
    draw = Axes.errorbar
    monkeypatch.setattr(Axes, "errorbar", lambda self, x, y, **k: (points.append((x, y)), draw(self, x, y, **k)))
    figure = drawn(draw_cost, results)
    sweep = results.sweep
    backprop, g1, _, longer, _ = sweep.entries
    macs, stored = points[:4], points[4:]
    assert [y for _, y in macs] == pytest.approx([91, 80.5, 83, 85.5])
    assert (macs[0][0], stored[0][0]) == (100, 100)
    assert macs[1][0] == pytest.approx(100 * sweep.costs(g1).macs / sweep.costs(backprop).macs)
    assert macs[3][0] == pytest.approx(200 * sweep.costs(longer).macs / sweep.costs(backprop).macs)  # twice the epochs
    assert stored[3][0] == pytest.approx(100 * sweep.costs(longer).mean.stored / sweep.costs(backprop).mean.stored)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["BP", "G1", "G1/a2", "G3S2/epochs=4"]


def test_points_of_entries_with_one_algorithm_look_different(made_up, drawn):
    figure = drawn(draw_cost, read_results(made_up({"G3S2": [0.8], "G3S2/lr=0.2": [0.8], "G3S2/a2": [0.8]})))
    points = [container[0] for container in figure.axes[0].containers]
    assert len({point.get_fillstyle() for point in points}) == len(points) == 3


def test_one_epoch_is_one_tick(made_up, drawn):
    (axes,) = drawn(draw_accuracy, read_results(made_up({"BP": [0.9]}, epochs=1))).axes
    low, high = axes.get_xlim()
    assert [tick for tick in axes.get_xticks() if low <= tick <= high] == [1]
