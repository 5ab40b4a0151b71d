"""The labs, their solutions, and the messages about typical mistakes; in this process, without time limits."""

import re
from functools import partial

import numpy as np
import pytest

from minilocal import gradcheck
from minilocal.grade import lab as labs_
from minilocal.grade import plain, standins
from minilocal.grade.grading import decide
from minilocal.grade.notebook import Here

from .conftest import TEACH, teaching

ORDER = teaching("recording").ORDER
LABS = TEACH.parent / "labs"
every_lab = pytest.mark.parametrize("name", ORDER)


def solution(name):
    return (TEACH / "solutions" / f"{name}.py").read_text(encoding="utf-8")


def verdicts(text, lab):
    """Return the verdicts on a text by case."""
    namespace = {}
    exec(compile(text, "lab.py", "exec"), namespace)
    return {case.name: decide(case, Here(namespace), {}, 0) for case in lab.cases}


@pytest.fixture(scope="module")
def recorded():
    return {seed: {lab.name: lab for lab in teaching("recording").labs(seed)} for seed in (0, 1, 2)}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_solutions_earn_all_60_points_at_any_seed(recorded, seed):
    for name in ORDER:
        found = verdicts(solution(name), recorded[seed][name])
        assert {verdict.status for verdict in found.values()} == {"passed"}, (name, found)
    assert sum(lab.points for lab in recorded[seed].values()) == 60


def test_what_students_have_is_made_from_the_solutions(recording):
    """Labs with holes, and the public cases, which need no solution to be read."""
    assert sorted(recording.holes()) == sorted(path.name for path in LABS.glob("*.py"))
    for name, text in recording.holes().items():
        assert (LABS / name).read_text(encoding="utf-8") == text, "run python tutorials/teach/recording.py"
        assert "SOLUTION" not in text
        assert text.count("...") >= 3
    public = labs_.load()
    assert list(public) == list(ORDER)
    for fresh in recording.labs(0):
        known = public[fresh.name]
        assert (known.title, known.lesson, known.week) == (fresh.title, fresh.lesson, fresh.week)
        for one, other in zip(known.cases, fresh.cases, strict=True):
            assert one.nudge == other.nudge, "run python tutorials/teach/recording.py"
            assert verdicts(solution(fresh.name), known)[one.name].status == "passed"


@every_lab
def test_a_lab_says_what_it_needs_and_has_its_points(name, recorded):
    lab, text = recorded[0][name], (LABS / f"{name}.py").read_text(encoding="utf-8")
    number = ORDER.index(name) + 1
    assert text.startswith(f'"""Lab {number}: {lab.title} (needs lesson {lab.lesson}; {lab.points} points).\n')
    assert f"python -m minilocal.grade tutorials/labs/{name}.py" in text
    assert "Replace every `...`" in text
    row = f"| `{name}.py` | {lab.lesson} | week {lab.week} | {lab.points} |"
    assert row in (TEACH / "README.md").read_text(encoding="utf-8")


@every_lab
def test_every_hole_belongs_to_a_case_and_hints_fit_after_a_colon(name, recorded):
    text = (LABS / f"{name}.py").read_text(encoding="utf-8")
    functions = {case.function for case in recorded[0][name].cases}
    for part in re.split(r"\n(?=def )", text)[1:]:
        holes = [line for line in part.splitlines() if re.search(r"(^| )\.\.\.$|return \.\.\.", line)]
        assert bool(holes) == (re.match(r"def (\w+)", part)[1] in functions), part
    for case in recorded[0][name].cases:
        for hint in (case.nudge, case.equation):
            assert hint[0].islower() or not hint[0].isalpha() or hint[1] in " _[ℹ=" or hint.startswith(("T·", "L_"))
            assert not hint.endswith(".")


def test_answers_stand_nowhere_in_the_lessons_or_the_library():
    """No lesson, no file of minilocal and no lab contains a line that fills a hole."""
    root = TEACH.parents[1]
    others = "".join(
        path.read_text(encoding="utf-8")
        for pattern in ("minilocal/**/*.py", "tutorials/*.py", "tutorials/labs/*.py", "README.md")
        for path in root.glob(pattern)
    )
    others = re.sub(r"\s+", "", others)
    for name in ORDER:
        lines = set(solution(name).splitlines()) - set((LABS / f"{name}.py").read_text(encoding="utf-8").splitlines())
        code = {re.sub(r"\s+|#.*", "", line) for line in lines}
        printed = [line for line in code if line in others and len(line) > 30]
        assert len(printed) <= 1, (name, printed)  # such as a loop over a loss's layers


GRADIENTS = [
    ("margin", "soft_loss", "soft_gradient", 0),
    ("margin", "margin_loss", "margin_gradient", 0),
]


@pytest.mark.parametrize(("name", "loss", "gradient", "argument"), GRADIENTS)
def test_solutions_of_losses_agree_with_central_differences(name, loss, gradient, argument, recorded):
    namespace = {}
    exec(solution(name), namespace)
    (case,) = (case for case in recorded[0][name].cases if case.function == gradient)
    for trial in case.trials:
        x, value = trial.arguments[argument], partial(namespace[loss], *trial.arguments)
        check = gradcheck.check_gradient(gradient, "x", value, x, namespace[gradient](*trial.arguments))
        assert check.passed(), check.explain()


BACKWARD = {  # lab: a forward from (x, other arguments) to y, and the gradients of sum(r·y) that the solution gives
    "dilated": lambda s, rng: (
        [rng.standard_normal((2, 7, 6, 3)), rng.standard_normal((2, 2, 3))],
        lambda x, w: s["forward"](x, w, 2, 2),
        lambda r, x, w: [s["input_gradient"](r, w, x.shape, 2, 2), s["weight_gradient"](x, r, 2, 2, 2)],
    ),
    "groupnorm": lambda s, rng: (
        [rng.standard_normal((2, 3, 2, 6)), rng.uniform(0.5, 2, 6), rng.standard_normal(6)],
        lambda x, gamma, beta: s["normalise"](x, 2)[0] * gamma + beta,
        lambda r, x, gamma, beta: [
            s["input_gradient"](r, *s["normalise"](x, 2), gamma),
            *s["parameter_gradients"](r, s["normalise"](x, 2)[0]),
        ],
    ),
    "two_layers": lambda s, rng: (
        [rng.standard_normal((4, 2, 3, 3)), rng.standard_normal((3, 5)), rng.standard_normal((5, 3))],
        lambda x, w1, w2: s["forward"](x, w1, w2)[0],
        lambda r, x, w1, w2: [
            s["features_gradient"](x, s["forward"](x, w1, w2)[1], w1, w2, r),
            *s["weight_gradients"](x, s["forward"](x, w1, w2)[1], w2, r),
        ],
    ),
}


@pytest.mark.parametrize("name", BACKWARD)
def test_solutions_of_layers_agree_with_central_differences(name):
    namespace, rng = {}, np.random.default_rng(3)
    exec(solution(name), namespace)
    arguments, forward, backward = BACKWARD[name](namespace, rng)
    r = rng.standard_normal(forward(*arguments).shape)
    for number, (array, found) in enumerate(zip(arguments, backward(r, *arguments), strict=True)):
        check = gradcheck.check_gradient(
            name, str(number), lambda: float(np.sum(r * forward(*arguments))), array, found
        )
        assert check.passed(), check.explain()


MISTAKES = [  # lab, text in the solution, what a student might write, the case that fails, part of the message
    ("margin", "shifted = logits - logits.max(axis=1, keepdims=True)", "shifted = logits", "log softmax",
     "logits around 3000: log p[0, 0] is inf; it should be a finite number"),
    ("margin", "shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))",
     "np.log(np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True) + 1e-8)", "log softmax",
     "it is what comes out if 1e-08 is added inside the logarithm, as in log(p + 1e-08)"),
    ("margin", "-np.sum(targets * log_softmax(logits))",
     "-np.sum(targets * np.log(np.exp(log_softmax(logits)) + 1e-8))",
     "soft loss", "1e-08 is added inside the logarithm"),
    ("margin", "p * targets.sum(axis=1, keepdims=True) - targets", "p - targets", "gradient of the soft loss",
     "if each row of targets sums to 1"),
    ("margin", " - targets) / len(logits)", " - targets)", "gradient of the soft loss", "times what it should be"),
    ("margin", "    excess[rows, labels] = 0\n", "", "margin loss", "if the sum includes the right class, c = y"),
    ("margin", "-dz.sum(axis=1)", "-1", "gradient of the margin loss", "doesn't count the positive terms"),
    ("dilated", "(k - 1) * dilation - 1", "k * dilation - 1", "size of the output", "dilation"),
    ("dilated", "y += x[:", "y = x[:", "forward pass", "y[0, 0, 0, 0] is"),
    ("dilated", "dx[:, rows, columns] += dy", "dx[:, rows, columns] = dy", "gradient of the input",
     "overwrites what another one has added"),
    ("dilated", ".sum(axis=(0, 1, 2))", ".mean(axis=(0, 1, 2))", "gradient of the weight", "times what it should be"),
    ("groupnorm", "grouped.var(axis=(1, 2, 4), keepdims=True)", "grouped.var(axis=(1, 2, 4), keepdims=True, ddof=1)",
     "normalised maps", "divided by one less than the number of values"),
    ("groupnorm", "dx_hat - mean - x_hat * slope", "dx_hat", "gradient of the input",
     "if mean and variance are constants"),
    ("groupnorm", "dx_hat - mean - x_hat * slope", "dx_hat - mean", "gradient of the input",
     "if the variance is a constant"),
    ("groupnorm", "dx_hat - mean - x_hat * slope", "dx_hat - x_hat * slope", "gradient of the input",
     "if the mean is a constant"),
    ("groupnorm", "dbeta = dy.sum(axis=(0, 1, 2))", "dbeta = dy.sum()", "gradients of gamma and beta",
     "dbeta should have shape (3,), but it has shape ()"),
    ("groupnorm", "return dgamma, dbeta", "return dbeta, dgamma", "gradients of gamma and beta", "dgamma[0] is"),
    ("branches", "    dx = dx + dy\n", "", "residual backward", "if no gradient goes past the layers"),
    ("branches", "y = layer.forward(y, training=True)", "y = layer.forward(y)", "residual forward",
     "layer 1: `forward` is never called; it should be called once"),
    ("branches", "a.backward(dy * y_b) + b.backward(dy * y_a)", "a.backward(dy * y_a) + b.backward(dy * y_b)",
     "gate backward", "if each layer's dy is multiplied by its own output"),
    ("branches", "return y_a * y_b, y_a, y_b", "return y_a * y_b", "gate forward", "should return three values"),
    ("two_layers", "dhidden = (dlogits @ w2.T) * (hidden > 0)", "dhidden = dlogits @ w2.T", "gradients of the weights",
     "if the ReLU lets the whole gradient through"),
    ("two_layers", " / (height * width)", "", "gradient of the features",
     "if each pixel gets the whole gradient of the mean"),
    ("two_layers", "axis=(1, 2)", "axis=1", "pooling", "the mean should have shape"),
    ("many_losses", ", need_dx=number > 0", "", "backward through the block",
     "layer 0: `backward without dx` is never called; it should be called once"),
    ("many_losses", "dy if dxs[number] is None else dy + dxs[number]", "dy if dxs[number] is None else dxs[number]",
     "backward through the block", "losses on 0, 1 of 2 layers: layer 0: the gradient of weight[0, 0] is"),
    ("many_losses", "value += share * one", "value += one", "the sum of the losses", "losses on 0 of 1 layer: L is"),
    ("many_losses", "layer.grads[name] = share * grad", "pass", "the sum of the losses",
     "the loss on layer 0's classifier: the gradient of weight"),
    ("many_losses", "        layer.release()\n", "", "update and release", "`release` is never called"),
    ("many_losses", "[] if loss is None else loss.layers.values()", "[]", "update and release",
     "the loss on layer 0's classifier: `release` is never called"),
    ("bounce", "Y * min(place, 2 * top - place)", "epoch % -(-X // Y) * Y if Y else 0", "the shift",
     "if the shift falls back to 0, as in GXSY"),
    ("bounce", "min(begin + X - 1, layers)", "begin + X - 1", "the blocks", "the list of blocks is [["),
    ("bounce", "(epoch + b) % X", "epoch % X", "staggered boundaries", "if all boundaries have the same shift"),
    ("bounce", "sum(trained) / epochs", "sum(trained)", "the share of epochs", "the share is 1, but it should be 0.5"),
    ("rooms", "t >= room", "False", "when jobs begin", "if there is room for any number of minibatches"),
    ("rooms", "(len(costs) * end)", "end", "utilisation", "the share is"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "right", "wrong", "case", "says"), MISTAKES)
def test_a_mistake_is_found_and_explained_and_costs_its_own_case_alone(name, right, wrong, case, says, recorded):
    text = solution(name)
    assert right in text
    found = verdicts(text.replace(right, wrong, 1), recorded[1][name])
    assert {other for other, verdict in found.items() if verdict.status != "passed"} == {case}
    assert says in found[case].says


def test_an_answer_for_the_public_cases_earns_nothing_with_hidden_ones(recorded):
    """Every case has inputs that are not among the public ones, with more than one result."""

    def known_by(trial):
        return plain.pack(trial.arguments, standins.construction)

    for name in ORDER:
        for public, hidden in zip(recorded[0][name].cases, recorded[1][name].cases, strict=True):
            table = {known_by(trial) for trial in public.trials}
            new = [trial for trial in hidden.trials if known_by(trial) not in table]
            assert len({plain.pack((trial.result, trial.states)) for trial in new}) > 2, (name, hidden.name)
