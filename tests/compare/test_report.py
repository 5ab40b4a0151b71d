import re
from dataclasses import replace

from minilocal.compare.options import read
from minilocal.compare.report import accuracy_table, as_markdown, as_text, command_line, cost_table, difference_table
from minilocal.compare.report import write as write_report
from minilocal.compare.results import read_results

ACCURACIES = {"BP": [0.9, 0.92], "G1": [0.8, 0.81], "G1/a2": [0.82, 0.84]}


def words(text):
    return re.sub(r"\s+", " ", text)


def test_notes_say_how_these_numbers_differ_from_the_papers(made_up):
    text = words(as_text(read_results(made_up(ACCURACIES))))
    for sentence in (
        "after the last epoch, not of the best epoch; ± is the standard deviation over seeds (n − 1).",
        "With 2,000 test images, chance alone makes an accuracy near 91 % uncertain by 0.6 points (one standard",
        "from its Table II, are for full width, 50,000 training images and 400 epochs; it does not say",
        "Here: width 0.125, 1,000 images, 2 epochs, 2 seeds.",
        "The paper has no vgg8b; VGG11B is its nearest network.",
        "no learning rate or schedule, no augmentation and no initial weights. Here: learning rate 0.1, triangle",
    ):
        assert sentence in text
    assert "paper: VGG11B, A2" in text
    assert "not in the tables" not in text


def test_a_data_set_that_the_paper_does_not_have(made_up):
    text = words(as_text(read_results(made_up({"BP": [0.9], "G1/epochs=5": [0.9]}, dataset="mnist"))))
    assert "The paper has no results on mnist, so the table has no rows of the paper. On CIFAR-10, with" in text
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
    assert f"\n* {line}\n" in as_markdown(results)


def test_nothing_finished_yet(made_up, tmp_path):
    results = read_results(made_up({"BP": [None], "G1": [None]}))
    assert as_text(results) == "not begun: BP, seed 0; G1, seed 0"
    write_report(results)
    assert {path.name for path in results.sweep.path.iterdir()} == {"sweep.json", "results.csv", "results.md"}


def test_markdown_contains_its_figures_and_its_command(made_up):
    results = read_results(made_up(ACCURACIES))
    write_report(results)
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
    assert options.sweep_dir == str(sweep.path)


def test_a_path_that_is_not_valid_text_does_not_stop_the_report(made_up):
    results = read_results(made_up({"BP": [0.5]}))
    odd = replace(results, sweep=replace(results.sweep, path=results.sweep.path / "\udcff"))
    odd.sweep.path.mkdir()
    write_report(odd)
    assert "?" in (odd.sweep.path / "results.md").read_text(encoding="utf-8")


def test_rows_are_classifiers_columns_algorithms_and_the_papers_rows_stand_below(made_up):
    accuracies = {"BP": [0.9, 0.92], "G1": [0.8, 0.8], "G3S2": [0.85, 0.86], "G1/a2": [0.82, 0.84]}
    assert accuracy_table(read_results(made_up(accuracies, model="vgg11b"))) == [
        ["", "BP", "G1", "G3S2"],
        ["vgg11b × 0.125, A1", "91.0 ± 1.4", "80.0 ± 0.0", "85.5 ± 0.7"],
        ["vgg11b × 0.125, A2", "91.0 ± 1.4", "83.0 ± 1.4", "-"],  # BP has no auxiliary classifiers
        ["paper: VGG11B, A1", "95.08", "92.41", "95.11"],
        ["paper: VGG11B, A2", "95.08", "92.06", "95.58"],
    ]


def test_each_combination_of_other_options_is_a_row(made_up):
    accuracies = {"G3S2": [0.8], "G3S2/idle=learn": [0.81], "G3": [0.82], "G3S2/idle=learn/a2": [0.83]}
    assert accuracy_table(read_results(made_up(accuracies, dataset="fashion-mnist-mini", width=1.0))) == [
        ["", "G3S2", "G3"],
        ["vgg8b, A1", "80.0 ± -", "82.0 ± -"],
        ["vgg8b, A1, idle=learn", "81.0 ± -", "-"],
        ["vgg8b, A2, idle=learn", "83.0 ± -", "-"],
    ]


def test_networks_and_algorithms_that_the_paper_does_not_have(made_up):
    accuracies = {"BP": [0.5, 0.5], "G3S2": [0.4, None]}
    assert accuracy_table(read_results(made_up(accuracies, dataset="cifar100"))) == [
        ["", "BP", "G3S2"],
        ["vgg8b × 0.125, A1", "50.0 ± 0.0", "40.0 ± - (1)"],
        ["paper: VGG11B, A1", "77.40", "-"],
    ]


def test_validation_has_no_row_of_the_paper(made_up):
    results = read_results(made_up({"BP": [0.5]}, validation=0.2))
    assert accuracy_table(results, "validation_accuracy", paper=False)[1:] == [["vgg8b × 0.125, A1", "49.0 ± -"]]


def test_costs_are_compared_with_backprop(made_up):
    rows = cost_table(read_results(made_up({"G1": [0.5, 0.6]}, width=1.0, model="vgg11b")))
    (row,) = rows[1:]
    assert len(row) == len(rows[0])
    assert (row[0], row[2], row[-1]) == ("G1", "67 %", "3 s")  # a third fewer MACs than BP


def test_differences_are_between_runs_of_the_same_seed(made_up):
    accuracies = {"BP": [0.9, 0.8, None], "G1": [0.85, 0.77, 0.1], "G2": [None, 0.81, None], "G3": [None, None, 0.5]}
    assert difference_table(read_results(made_up(accuracies))) == [
        ["", "mean", "seed 0", "seed 1", "seed 2"],
        ["G1", "-4.0 ± 1.4", "-5.0", "-3.0", "-"],
        ["G2", "+1.0 ± -", "-", "+1.0", "-"],
    ]
