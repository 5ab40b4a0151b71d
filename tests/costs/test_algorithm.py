"""What the paper says about whole networks, in numbers."""

import pytest

from minilocal.costs.algorithm import algorithm_costs, pipeline_bound, reduction
from minilocal.errors import InputError
from minilocal.networks.configs import CONFIGS, architecture


def test_moving_boundaries_cost_0_75_percent_more_parameters():
    """G2S1 against G2: VGG-16, CIFAR-10, A1 (section III-A)."""
    g2, g2s1 = (algorithm_costs(CONFIGS["vgg16"], algo) for algo in ("G2", "G2S1"))
    assert round(100 * (g2s1.weights / g2.weights - 1), 2) == 0.75


@pytest.mark.parametrize(
    ("model", "workers", "against_bp", "against_itself"), [("vgg16", 5, 3.7, 3.2), ("vgg19", 6, 4.1, 3.6)]
)
def test_pipeline_bounds_of_g3s1(model, workers, against_bp, against_itself):
    local, bp = (algorithm_costs(CONFIGS[model], algo) for algo in ("G3S1", "BP"))
    assert max(len(step.blocks) for step in local.steps) == workers
    assert round(pipeline_bound(local, bp), 1) == against_bp
    assert round(pipeline_bound(local, local), 1) == against_itself
    assert pipeline_bound(bp, bp) == 1


def test_a2_saves_less_than_a1():
    bp = algorithm_costs(CONFIGS["vgg16"], "BP")
    for algo in ("G1", "G2S1"):
        a1, a2 = (algorithm_costs(CONFIGS["vgg16"], algo, classifier=classifier) for classifier in ("a1", "a2"))
        assert reduction(a2.macs, bp.macs) < reduction(a1.macs, bp.macs)
        assert reduction(a2.off_chip, bp.off_chip) < reduction(a1.off_chip, bp.off_chip)


def test_half_the_width_is_about_a_quarter_of_the_macs():
    whole, half = (algorithm_costs(architecture("vgg19", width), "BP").macs for width in (1, 0.5))
    assert whole / half == pytest.approx(4, rel=0.01)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"image_shape": (32, 32)}, "must be .height, width, channels."),
        ({"image_shape": (20, 20, 3)}, "20×20×3 images do not fit the network: layer 6: pool: .* 5×5 map; resize"),
        ({"classes": 0}, "classes is 0"),
        ({"batch_size": 0}, "batch size is 0; it must be at least 1"),
        ({"algo": "G8"}, "the network has 7"),
        ({"classifier": "a3"}, "'a3' is unknown"),
    ],
)
def test_what_does_not_fit_is_refused(options, says):
    with pytest.raises(InputError, match=says):
        algorithm_costs(CONFIGS["vgg8b"], **({"algo": "G1"} | options))
