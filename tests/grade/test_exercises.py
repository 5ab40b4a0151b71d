"""The exercises, their solutions, and the messages about typical mistakes; in this process, without time limits."""

import re
from pathlib import Path

import numpy as np
import pytest

from minilocal.grade.case import examine
from minilocal.grade.exercises import EXERCISES, exercise
from minilocal.grade.student import load

ROOT = Path(__file__).parents[2]
SOLUTIONS, STUDENTS = ROOT / "tutorials" / "solutions", ROOT / "tutorials" / "exercises"


def verdicts(path, seed=0, only=None):
    """Return the verdicts on a file by case name, or only that of the case `only`."""
    asked = exercise(path.stem)
    student = load(path, asked.uses)
    return {
        case.name: examine(student, case, np.random.default_rng([seed, number]))
        for number, case in enumerate(asked.cases)
        if only in (None, case.name)
    }


@pytest.mark.parametrize("name", EXERCISES)
def test_solutions_are_right_and_exercises_open(name):
    for seed in (0, 1, 2):
        found = verdicts(SOLUTIONS / f"{name}.py", seed)
        assert {verdict.status for verdict in found.values()} == {"passed"}, found
    assert {verdict.status for verdict in verdicts(STUDENTS / f"{name}.py").values()} == {"open"}
    assert exercise(name).points == 10


@pytest.mark.parametrize("name", EXERCISES)
def test_a_solution_differs_from_its_exercise_only_in_the_holes(name):
    """Every line of the exercise that has no hole is in the solution too, in the same order."""
    solution = iter((SOLUTIONS / f"{name}.py").read_text(encoding="utf-8").splitlines())
    text = (STUDENTS / f"{name}.py").read_text(encoding="utf-8")
    for line in text.splitlines():
        if "..." not in line:
            assert line in solution, line
    assert f"python -m minilocal.grade tutorials/exercises/{name}.py" in text
    assert "Replace every `...`" in text


@pytest.mark.parametrize("name", EXERCISES)
def test_every_hole_is_needed_by_a_case(name):
    text = (STUDENTS / f"{name}.py").read_text(encoding="utf-8")
    holes = {n for n, line in enumerate(text.splitlines(), 1) if re.search(r"(?<!`)\.\.\.(?!`|\))", line)}
    student = load(STUDENTS / f"{name}.py", exercise(name).uses)
    assert holes
    assert holes == set(student.open_lines([name for case in exercise(name).cases for name in case.needs]))


@pytest.mark.parametrize("name", EXERCISES)
def test_hints_fit_between_a_colon_and_a_full_stop(name):
    for case in exercise(name).cases:
        assert case.hint[0].islower() or not case.hint[0].isalpha()
        assert not case.hint.endswith(".")


MISTAKES = [  # exercise, text in the solution, what a student might write, the case that fails, part of the message
    ("linear", "x.T @ dy", "x.T @ dy / len(x)", "gradient of the weight", "times what it should be"),
    ("linear", "x.T @ dy", "dy.T @ x", "gradient of the weight", "is it the transpose?"),
    ("linear", "dy.sum(axis=0)", "dy.mean(axis=0)", "gradient of the bias", "central differences give"),
    ("linear", "return dy @ weight.T", "return -dy @ weight.T", "gradient of the input", "is -1 times"),
    ("linear", "return dy @ weight.T", "dy @ weight.T", "gradient of the input", "is there a `return`?"),
    ("linear", "return dy @ weight.T", "return (dy @ weight.T).tolist()", "gradient of the input", "a list of"),
    ("linear", "x @ weight + bias", "(x @ weight + bias).astype(np.float32)", "forward pass", "type float32"),
    ("linear", "x @ weight + bias", "x @ weight + bias / 0", "forward pass", "should be a finite number"),
    ("linear", "x @ weight + bias", "x @ weight", "forward pass", "y[0, 0] is"),
    ("linear", "    return x @ weight + bias", "    x -= 1\n    return x @ weight + bias", "forward pass",
     "changes its argument x"),
    ("conv", "i : i + stride * p : stride,", "i : i + p,", "im2col", "2×2 kernel, stride 2"),
    ("conv", "] += cols[", "] = cols[", "col2im", "the image["),
    ("conv", "weight.reshape(-1, c_out).T", "weight.reshape(-1, c_out)", "gradient of the input", "line 79, `dcols ="),
    ("conv", "(padding, padding), (padding, padding)", "(padding, padding), (0, 0)", "im2col", "line 34, `cols["),
    ("batchnorm", "dy - mean_dy - x_hat * mean_dy_x_hat", "dy", "gradient of the input",
     "as if mean and variance were constants"),
    ("batchnorm", "- x_hat * mean_dy_x_hat", "", "gradient of the input", "as if the variance were a constant"),
    ("batchnorm", "dy - mean_dy -", "dy -", "gradient of the input", "as if the mean were a constant"),
    ("batchnorm", "return dy.sum(axis=0)", "return dy.sum()", "gradient of beta", "should have shape"),
    ("batchnorm", "(dy * x_hat).sum(axis=0)", "dy.sum(axis=0)", "gradient of gamma", "central differences give"),
    ("auxiliary", " - logits.max(axis=1, keepdims=True)", "", "softmax", "for logits near 3"),
    ("auxiliary", "-np.mean(", "-np.sum(", "cross-entropy", "the loss is"),
    ("auxiliary", " / len(labels)", "", "gradient of the logits", "times what it should be"),
    ("auxiliary", "optimizer.update(classifier)", "pass", "the classifier learns", "after step 1: "),
    ("auxiliary", "    classifier.release()\n", "", "the classifier learns", "still keeps"),
    ("auxiliary", "features, training=True", "features", "the step's loss and dfeatures", "needs forward(x, training"),
    ("auxiliary", "return loss, dfeatures", "return loss", "the step's loss and dfeatures", "should return two values"),
    ("schedule", "if s >= X:", "if s > X:", "the shift", "the shift of G2S1 in epoch 2: 2, but it should be 0"),
    ("schedule", "min(first + X - 1, layers)", "first + X - 1", "fixed blocks", "but it should be [(1, "),
    ("schedule", "shift_at(epoch, X, Y) + 1", "1", "moving blocks", "in epoch 1"),
    ("schedule", "in range(X):", "in range(1):", "the classifiers", "the classifiers of G2S1"),
    ("local_step", "layers[0].backward(dx, need_dx=False)", "layers[0].backward(dx)",
     "the gradient stops at the block's first layer", "computes an input gradient that nobody needs"),
    ("local_step", "    layers[0].backward(dx, need_dx=False)\n", "",
     "a block's gradients", "layer 1: the gradient of conv.weight"),
    ("local_step", "# frozen", "# frozen\n        optimizer.update(layer)", "frozen layers: G2S1, G3S1 and G3S2",
     "G2S1 at shift 1: step 1: layers.1.conv.weight"),
    ("local_step", "return x, loss", "return network.layers[0].forward(x), loss", "a block's features and loss",
     "Conv2d takes maps"),
    ("local_step", "losses.append(loss)", "losses = loss", "steps of G1, G2 and G4", "should return 6 losses"),
    ("local_step", "        layer.release()\n    return x", "    return x", "steps of G1, G2 and G4", "still keeps"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "right", "wrong", "case", "says"), MISTAKES)
def test_a_mistake_is_found_and_explained(name, right, wrong, case, says, tmp_path):
    text = (SOLUTIONS / f"{name}.py").read_text(encoding="utf-8")
    assert text.count(right) >= 1
    path = tmp_path / f"{name}.py"
    path.write_text(text.replace(right, wrong), encoding="utf-8")
    verdict = verdicts(path, only=case)[case]
    assert verdict.status == "wrong"
    assert says in verdict.says


def test_functions_are_graded_independently(tmp_path):
    """A student with one wrong gradient still gets the points for the others."""
    text = (SOLUTIONS / "linear.py").read_text(encoding="utf-8")
    (tmp_path / "linear.py").write_text(text.replace("x.T @ dy", "x.T @ dy / 2"), encoding="utf-8")
    wrong = {name for name, verdict in verdicts(tmp_path / "linear.py").items() if verdict.status != "passed"}
    assert wrong == {"gradient of the weight", "the layer in a training step"}


def test_a_copied_answer_does_not_pass(tmp_path):
    """Numbers that are right for the inputs of one seed are wrong for those of another."""
    answers = []

    def dump(array):
        answers.append(array.tolist())
        return array

    student = load(SOLUTIONS / "linear.py", ("Layer",))
    student.module.bias_gradient = lambda dy: dump(dy.sum(axis=0))
    (case,) = (case for case in exercise("linear").cases if case.name == "gradient of the bias")
    assert examine(student, case, np.random.default_rng([0, 2])).status == "passed"
    copied = iter(answers)
    student.module.bias_gradient = lambda dy: np.array(next(copied))
    assert examine(student, case, np.random.default_rng([0, 2])).status == "passed"
    copied = iter(answers)
    assert examine(student, case, np.random.default_rng([1, 2])).status == "wrong"
