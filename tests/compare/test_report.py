import re
from dataclasses import replace

from minilocal.compare.options import read
from minilocal.compare.report import as_markdown, as_text, command_line, write
from minilocal.compare.results import read_results

ACCURACIES = {"BP": [0.9, 0.92], "G1": [0.8, 0.81], "G1/a2": [0.82, 0.84]}


def words(text):
    return re.sub(r"\s+", " ", text)


def test_scale_beside_the_paper_is_said(made_up):
    text = words(as_text(read_results(made_up(ACCURACIES))))
    for sentence in (
        "after the last epoch, not of the best epoch; ± is the standard deviation over seeds (n − 1).",
        "With 2,000 test images, chance alone makes an accuracy near 91 % uncertain by 0.6 points (one standard",
        "from its Table II, come from full width, 50,000 training images and 400 epochs;",
        "Here: width 0.125, 1,000 images, 2 epochs, 2 seeds.",
        "The paper has no vgg8b; VGG11B is the nearest that it has.",
        "no learning rate or schedule, no augmentation and no initial weights. Here: learning rate 0.1, cosine",
    ):
        assert sentence in text
    assert "paper: VGG11B, A2" in text
    assert "not in the tables" not in text


def test_a_data_set_that_the_paper_does_not_have(made_up):
    text = words(as_text(read_results(made_up({"BP": [0.9], "G1/epochs=5": [0.9]}, dataset="mnist"))))
    assert "The paper has no results on mnist, so none of its rows stand here. On CIFAR-10" in text
    assert "1 seed, unless an entry says otherwise." in text
    assert "paper:" not in text


def test_validation_has_a_table_of_its_own(made_up):
    text = as_text(read_results(made_up(ACCURACIES, validation=0.1)))
    assert "validation accuracy (%)" in text
    assert "90.0 ± 1.4" in text
    assert "900 images" in words(text)
    assert "validation accuracy" not in as_text(read_results(made_up(ACCURACIES, path="without")))


def test_runs_outside_the_tables_are_named(made_up):
    results = read_results(made_up({"BP": [0.9, 0.9], "G1": [0.8, None]}), {"G1, seed 1": "the loss is inf"})
    line = "not in the tables: G1, seed 1: 0 of 2 epochs; the loss is inf"
    assert as_text(results).endswith(f"\n{line}")
    assert f"* {line}\n" in as_markdown(results)


def test_nothing_finished_yet(made_up, tmp_path):
    results = read_results(made_up({"BP": [None], "G1": [None]}))
    assert as_text(results) == "not begun: BP, seed 0; G1, seed 0"
    write(results)
    assert {path.name for path in results.sweep.path.iterdir()} == {"sweep.json", "results.csv", "results.md"}


def test_markdown_links_its_figures_and_says_how_it_was_made(made_up):
    results = read_results(made_up(ACCURACIES))
    write(results)
    text = (results.sweep.path / "results.md").read_text()
    assert text == as_markdown(results)
    assert text.startswith(
        "# vgg8b × 0.125, cifar10, 2 epochs\n\nMade by `python -m minilocal.compare --algo BP G1 G1/a2"
    )
    assert "| vgg8b × 0.125, A1 | 91.0 ± 1.4 | 80.5 ± 0.7 |\n" in text
    for name in re.findall(r"\]\((.+?)\)", text):
        assert (results.sweep.path / name).exists()
    assert text.count("](") == 3


def test_the_command_makes_the_same_sweep(made_up):
    sweep = made_up({"BP": [0.9], "G3S2/no-crop/lr=0.01": [0.8]}, lr=0.05, flip=False, data_dir="/my/data", width=1.0)
    words = command_line(sweep).split()
    assert words[:3] == ["python", "-m", "minilocal.compare"]
    options = read(words[3:])
    assert (options.entries, options.seeds) == (sweep.entries, sweep.seeds)
    assert options.setting.data_dir.endswith("DIR")
    assert options.setting.moved_to("/my/data") == sweep.setting
    assert options.sweep_dir == sweep.path


def test_a_path_that_is_no_text_does_not_stop_the_report(made_up):
    results = read_results(made_up({"BP": [0.5]}))
    odd = replace(results, sweep=replace(results.sweep, path=results.sweep.path / "\udcff"))
    odd.sweep.path.mkdir()
    write(odd)
    assert "?" in (odd.sweep.path / "results.md").read_text(encoding="utf-8")
