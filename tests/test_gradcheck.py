import numpy as np
import pytest

from minilocal import gradcheck
from minilocal.layers import Linear, ReLU
from minilocal.schedule import parse


def test_every_layer_and_classifier():
    checks = list(gradcheck.check_layers(entries=6))
    assert len(checks) > 60
    assert not [check.explain() for check in checks if not check.passed()]


@pytest.mark.parametrize(
    ("algo", "epoch", "options"),
    [
        *((algo, epoch, {}) for algo in gradcheck.ALGORITHMS for epoch in range(parse(algo).period)),
        ("G2S1", 1, {"classifier": "a2"}),
        *(
            (algo, epoch, {"local_loss": local_loss})
            for algo in ("G1", "G2S1", "G3S2")
            for epoch in range(parse(algo).period)
            for local_loss in ("sim", "predsim")
        ),
        *(("BP", 0, {"conv": conv}) for conv in ("winograd", "dense")),
        *((algo, epoch, {"kind": "residual"}) for algo, epoch in (("BP", 0), ("G1", 0), ("G2S1", 1), ("G3S2", 1))),
    ],
)
def test_whole_steps(algo, epoch, options):
    checks = list(gradcheck.check_step(algo, epoch, entries=2 if options else 3, **options))
    assert checks
    assert not [check.explain() for check in checks if not check.passed()]


class Wrong(Linear):
    """A Linear whose weight gradient is 0.1 % too large."""

    def backward(self, dy, need_dx=True):
        dx = super().backward(dy, need_dx)
        self.grads["weight"] *= 1.001
        return dx


def test_a_wrong_gradient_is_found_and_explained(rng):
    checks = {
        c.argument: c
        for c in gradcheck.check_layer("Wrong", Wrong(4, 3, rng=0, dtype=np.float64), rng.standard_normal((5, 4)))
    }
    assert checks["x"].passed()
    assert checks["bias"].passed()
    weight = checks["weight"]
    assert not weight.passed()
    assert weight.received == pytest.approx(1.001 * weight.expected)
    index = ", ".join(map(str, weight.index))
    assert weight.explain().startswith(
        f"Wrong: weight[{index}] received {weight.received:.10g} from backward, expected"
    )


def test_a_nan_gradient_does_not_pass():
    array = np.ones(3)
    check = gradcheck.check_gradient("f", "x", lambda: float(array.sum()), array, np.array([1.0, np.nan, 1.0]))
    assert not check.passed()


def test_a_nan_loss_does_not_pass():
    """Whichever entry causes it, the first or the last."""
    for bad in range(3):
        array = np.ones(3)

        def loss(array=array, bad=bad):
            return float("nan") if array[bad] != 1 else float(array.sum())

        assert not gradcheck.check_gradient("f", "x", loss, array, np.ones(3)).passed()


def test_entries_at_a_kink_are_skipped():
    (check,) = gradcheck.check_layer("ReLU", ReLU(), np.array([[1e-5, 1.0, -1.0]]), entries=3)
    assert check.passed()
    assert check.checked == 2


def test_the_array_is_restored(rng):
    x = rng.standard_normal(4)
    before = x.copy()
    gradcheck.check_gradient("f", "x", lambda: float(np.sum(x**2)), x, 2 * x)
    assert np.array_equal(x, before)


def test_the_command_prints_a_table_and_succeeds(capsys):
    assert gradcheck.main(["--entries", "1"]) == 0
    out = capsys.readouterr().out
    for text in (
        "Conv2d 3×3/1/1",
        "A2 on a map",
        "BP A1 block 1-6",
        "G3S2 shift 2 A2 block 3-5",
        "G3S2 shift 2 A1 residual block 3-5",
        "residual block projected",
        "layers.5.linear.weight",
        "0 arrays failed",
    ):
        assert text in out


def test_the_command_fails_if_a_gradient_fails(capsys, monkeypatch):
    monkeypatch.setattr(gradcheck, "ALGORITHMS", ("BP",))
    assert gradcheck.main(["--entries", "1", "--tolerance", "1e-16"]) == 1
    out = capsys.readouterr().out
    assert "FAILED" in out
    assert "from central differences" in out


@pytest.mark.parametrize(
    "argv",
    ["--entries 0", "--entries " + "9" * 20, "--entries x", "--tolerance 0", "--tolerance nan", "--tolerance inf"],
)
def test_bad_options_are_refused(argv, capsys):
    try:
        status = gradcheck.main(argv.split())
    except SystemExit as error:
        status = error.code
    assert status == 2
    assert capsys.readouterr().err.count("\n") == 1
