"""Tables of made-up runs, worked out by hand."""

from minilocal.compare.results import read_results
from minilocal.compare.table import accuracy_table, cost_table, difference_table


def test_rows_are_classifiers_columns_algorithms_and_the_papers_rows_stand_beneath(made_up):
    accuracies = {"BP": [0.9, 0.92], "G1": [0.8, 0.8], "G3S2": [0.85, 0.86], "G1/a2": [0.82, 0.84]}
    assert accuracy_table(read_results(made_up(accuracies, model="vgg11b"))) == [
        ["", "BP", "G1", "G3S2"],
        ["vgg11b × 0.125, A1", "91.0 ± 1.4", "80.0 ± 0.0", "85.5 ± 0.7"],
        ["vgg11b × 0.125, A2", "91.0 ± 1.4", "83.0 ± 1.4", "-"],  # BP has no classifiers to differ in
        ["paper: VGG11B, A1", "95.08", "92.41", "95.11"],
        ["paper: VGG11B, A2", "95.08", "92.06", "95.58"],
    ]


def test_whatever_else_sets_entries_apart_is_a_row(made_up):
    accuracies = {"G3S2": [0.8], "G3S2/idle=learn": [0.81], "G3": [0.82], "G3S2/idle=learn/a2": [0.83]}
    assert accuracy_table(read_results(made_up(accuracies, dataset="fashion-mnist-mini", width=1.0))) == [
        ["", "G3S2", "G3"],
        ["vgg8b, A1", "80.0 ± -", "82.0 ± -"],
        ["vgg8b, A1, idle=learn", "81.0 ± -", "-"],
        ["vgg8b, A2, idle=learn", "83.0 ± -", "-"],
    ]


def test_the_nearest_network_and_algorithms_that_the_paper_lacks(made_up):
    accuracies = {"BP": [0.5, 0.5], "G3S2": [0.4, None]}
    assert accuracy_table(read_results(made_up(accuracies, dataset="cifar100"))) == [
        ["", "BP", "G3S2"],
        ["vgg8b × 0.125, A1", "50.0 ± 0.0", "40.0 ± - (1)"],
        ["paper: VGG11B, A1", "77.40", "-"],
    ]


def test_validation_has_no_papers_row(made_up):
    results = read_results(made_up({"BP": [0.5]}, validation=0.2))
    assert accuracy_table(results, "validation_accuracy", paper=False)[1:] == [["vgg8b × 0.125, A1", "49.0 ± -"]]


def test_costs_stand_beside_backprops(made_up):
    rows = cost_table(read_results(made_up({"G1": [0.5, 0.6]}, width=1.0, model="vgg11b")))
    (row,) = rows[1:]
    assert len(row) == len(rows[0])
    assert (row[0], row[2], row[-1]) == ("G1", "67 %", "3 s")  # a third fewer MACs than BP


def test_differences_are_taken_between_runs_of_one_seed(made_up):
    accuracies = {"BP": [0.9, 0.8, None], "G1": [0.85, 0.77, 0.1], "G2": [None, 0.81, None], "G3": [None, None, 0.5]}
    assert difference_table(read_results(made_up(accuracies))) == [
        ["", "mean", "seed 0", "seed 1", "seed 2"],
        ["G1", "-4.0 ± 1.4", "-5.0", "-3.0", "-"],
        ["G2", "+1.0 ± -", "-", "+1.0", "-"],
    ]
