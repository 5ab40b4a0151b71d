import numpy as np
import pytest

from minilocal.errors import NonFiniteError
from minilocal.networks.vgg import build_network
from minilocal.schedule import Block
from minilocal.steps import BlockResult, local_step
from minilocal.training.results import StepResults, norm


def test_a_norm_is_over_all_entries_together(rng):
    arrays = [rng.standard_normal(shape).astype(np.float32) for shape in ((3, 4), (5,), (2, 2, 2))]
    expected = np.linalg.norm(np.concatenate([array.ravel() for array in arrays]))
    assert norm(arrays, "these") == pytest.approx(expected, rel=1e-6)
    assert norm([], "nothing") == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, np.float32(3e38)])
def test_a_norm_that_is_not_finite_names_what_it_is_of(bad):
    with pytest.raises(NonFiniteError, match=r"the norm of layer 3's gradient is (nan|inf)"), np.errstate(all="ignore"):
        norm([np.full(4, bad, np.float32)], "layer 3's gradient")


def test_results_have_the_gradient_norms_of_trained_layers_only(rng):
    network = build_network("4 M 6", [8], (8, 8, 1), 3, "G2S1", features=16)
    x, labels = rng.standard_normal((4, 8, 8, 1)).astype(np.float32), np.array([0, 1, 2, 0])
    results = StepResults.of(local_step(network, [Block(2, 3)], x, labels), network)
    assert [type(result) for result in results.blocks] == [BlockResult]
    assert set(results.gradient_norms) == {2, 3}
    assert results.gradient_norms[3] == norm(network.layer(3).grads.values(), "it") > 0
