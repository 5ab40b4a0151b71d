"""`python -m minilocal.report`: runs as one page that needs no network, whatever their names and classes are."""

import csv
import json
import re

import numpy as np
import pytest

from minilocal import report, train

HOSTILE = ["<script>hacked()</script>", "</script><script>hacked()</script>", '"><img src=x onerror=hacked()>', "<!--"]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A data set with class names that are markup, in a file whose name is."""
    rng = np.random.default_rng(0)
    labels = np.arange(400) % 4
    pixels = rng.integers(0, 60, (400, 16, 16, 1)) + 60 * labels[:, None, None, None]
    file = tmp_path_factory.mktemp("data") / "<b onmouseover=hacked()>.npz"
    arrays = {"x_train": pixels[:320], "y_train": labels[:320], "x_test": pixels[320:], "y_test": labels[320:]}
    np.savez(file, classes=np.array(HOSTILE), **{k: a.astype(np.uint8) for k, a in arrays.items()})
    return file


@pytest.fixture(scope="module")
def runs(images, tmp_path_factory):
    """Two runs of three epochs; the second one's directory has a name that is markup."""
    paths = []
    for name, algo in (("one", "G3S2"), ("<i>two & 'three'", "BP")):
        path = tmp_path_factory.mktemp("runs") / name
        options = f"--algo {algo} --model vgg8b --width 0.0625 --epochs 3 --batch-size 32 --quiet".split()
        assert train.main([*options, "--dataset", f"npz:{images}", "--run-dir", str(path)]) == 0
        paths.append(path)
    return paths


def written(tmp_path, *arguments):
    out = tmp_path / "page.html"
    assert report.main([*map(str, arguments), "--out", str(out)]) == 0
    return out


def embedded(page):
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page.read_text(encoding="utf-8"))
    assert "<" not in text
    return json.loads(text)


def table(run, name):
    with (run / name).open(encoding="ascii") as file:
        return list(csv.DictReader(file))


def test_the_page_holds_what_the_runs_do(runs, tmp_path):
    content = embedded(written(tmp_path, *runs))
    for run, path in zip(content["runs"], runs, strict=True):
        assert run["name"] == path.name
        assert run["done"] == run["epochs"] == 3
        assert [row["test_accuracy"] for row in run["metrics"]] == [
            float(row["test_accuracy"]) for row in table(path, "metrics.csv")
        ]
        assert len(run["gradients"]) == 3 * 7
        assert len(run["timing"]) == 3
        assert run["classes"] == HOSTILE
        right = sum(count for label, guess, count in run["counts"] if label == guess)
        assert sum(count for *_, count in run["counts"]) == 80
        assert right / 80 == pytest.approx(run["accuracy"])


def test_a_run_that_is_going_on_shows_its_complete_epochs(runs, tmp_path):
    """Tables are written one after another: here, gradients.csv does not have epoch 2 yet."""
    path = tmp_path / "run"
    path.mkdir()
    for name in ("config.json", "checkpoint.npz", "metrics.csv", "gradients.csv", "timing.csv"):
        (path / name).write_bytes((runs[0] / name).read_bytes())
    for name, epochs in (("metrics.csv", "12"), ("gradients.csv", "1")):
        lines = (path / name).read_text(encoding="ascii").splitlines(keepends=True)
        kept = [line for line in lines if line[0] in "e" + epochs]
        (path / name).write_text("".join(kept), encoding="ascii", newline="")
    (run,) = embedded(written(tmp_path, path))["runs"]
    assert (run["done"], len(run["timing"]), len(run["gradients"])) == (1, 1, 7)
    assert {row["epoch"] for row in run["metrics"]} == {1}


def test_watching_ends_when_all_runs_are_complete(runs, tmp_path, monkeypatch, capsys):
    done = iter([1, 1, 2, 3])
    monkeypatch.setattr(report, "_contents", lambda *_: {"done": next(done), "epochs": 3})
    monkeypatch.setattr(report.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(report.page, "write", lambda contents, out: None)
    assert report.main([str(runs[0]), "--watch", "--out", str(tmp_path / "x.html")]) == 0
    assert [line.rpartition(": ")[2] for line in capsys.readouterr().out.splitlines()] == ["1 of 3", "2 of 3", "3 of 3"]


def test_without_its_images_a_run_has_a_page_that_says_so(runs, tmp_path):
    (run,) = embedded(written(tmp_path, runs[0], "--data-dir", tmp_path))["runs"]
    assert run["counts"] is None
    assert run["note"].startswith("There is none: ")
    (run,) = embedded(written(tmp_path, runs[0], "--no-confusion"))["runs"]
    assert run["counts"] is None


def test_what_is_no_run_is_named_and_nothing_is_written(runs, tmp_path, capsys):
    out = tmp_path / "page.html"
    assert report.main([str(runs[0]), str(tmp_path), "--out", str(out)]) == 2
    assert "config.json does not exist; name a run directory" in capsys.readouterr().err
    assert report.main([str(runs[0]), str(runs[0]), "--out", str(out)]) == 2
    assert "twice" in capsys.readouterr().err
    assert report.main([str(runs[0]), "--out", str(tmp_path / "no" / "page.html")]) == 2
    assert not out.exists()


def test_hostile_names_stay_text(chromium, runs, tmp_path):
    page = chromium(1400)
    page.goto(written(tmp_path, *runs).as_uri())
    text = page.locator("body").inner_text()
    for name in [*HOSTILE, runs[1].name, "<b onmouseover=hacked()>.npz"]:
        assert name in text, name
    assert page.locator("body img, body b, body i, main script").count() == 0


@pytest.mark.parametrize("width", [390, 800, 1400])
def test_the_page_fits(chromium, runs, tmp_path, width):
    page = chromium(width)
    page.goto(written(tmp_path, *runs).as_uri())
    assert chromium.problems(page) == []
    boxes = [article.bounding_box() for article in page.locator("article").all()]
    assert (boxes[0]["y"] == boxes[1]["y"]) == (width > 900)  # side by side where there is room


def test_a_cell_of_the_gradient_map_tells_its_numbers(chromium, runs, tmp_path):
    page = chromium(1400)
    page.goto(written(tmp_path, *runs).as_uri())
    tip, gradient_map = page.locator("#tip"), page.locator("svg.map").first
    blocks = {(row["epoch"], row["block"]): row for row in table(runs[0], "metrics.csv")}
    for i, row in enumerate(table(runs[0], "gradients.csv")):
        gradient_map.locator(".cell").nth(i).hover()
        check_tip(tip.inner_text(), row, blocks)
    gradient_map.focus()
    page.keyboard.press("ArrowRight")  # with the keyboard, from layer 1 in epoch 1 to epoch 2
    page.keyboard.press("ArrowDown")
    (row,) = (r for r in table(runs[0], "gradients.csv") if (r["epoch"], r["layer"]) == ("2", "2"))
    check_tip(tip.inner_text(), row, blocks)
    page.keyboard.press("Escape")
    assert not tip.is_visible()


def check_tip(text, row, blocks):
    assert text.startswith(f"layer {row['layer']}, epoch {row['epoch']}\n")
    for name in ("gradient_norm", "weight_norm"):
        shown = re.search(rf"{name.replace('_', ' ')} ([\d.e+-]+)", text)[1]
        assert float(shown) == pytest.approx(float(row[name]), rel=1e-3)
    if row["block"] == "0":
        assert "frozen" in text
        return
    assert f"block {row['block']}:" in text
    accuracy = float(blocks[row["epoch"], row["block"]]["test_accuracy"])
    assert float(re.search(r"classifier ([\d.]+) %", text)[1]) == pytest.approx(100 * accuracy, abs=0.0051)
