import numpy as np
import pytest

from minilocal.networks.vgg import build_network
from minilocal.schedule import Block
from minilocal.training.diagnosis import behind, damaged


@pytest.fixture
def network():
    return build_network("4 M 4", [8], (8, 8, 1), 3, "G2S1", features=16)


BLOCKS = [Block(2, 3)]


@pytest.mark.parametrize(
    ("part", "kind", "name", "says"),
    [
        ("layers.2", "grads", "conv.weight", "the gradient of layers.2.conv.weight (layer 2, block 2-3) is nan"),
        ("layers.3", "params", "bn.gamma", "the weight of layers.3.bn.gamma (layer 3, block 2-3) is nan"),
        ("layers.1", "state", "bn.mean", "the running statistic of layers.1.bn.mean (layer 1) is nan"),
        ("aux.3", "params", "linear.bias", "the weight of aux.3.linear.bias (layer 3, block 2-3) is nan"),
    ],
)
def test_the_first_number_that_is_not_finite_is_named(network, part, kind, name, says):
    assert damaged(network, BLOCKS, statistics=True) is None
    parts = dict(network.named_layers())
    getattr(parts[part], kind)[name].flat[-1] = np.nan
    parts["aux.3"].grads["linear.bias"][0] = np.inf
    assert damaged(network, BLOCKS, statistics=True) == says.replace("weight of aux.3", "gradient of aux.3").replace(
        "nan", "inf" if part == "aux.3" else "nan"
    )


def test_the_first_output_that_is_not_finite_is_named(network, rng):
    x = rng.standard_normal((4, 8, 8, 1)).astype(np.float32)
    assert behind(network, x, 1, 3) == "all outputs up to layer 3 are finite"
    network.layer(2).params["conv.weight"][...] = 3e38
    with np.errstate(all="ignore"):
        assert behind(network, x, 1, 1) == "all outputs up to layer 1 are finite"
        assert behind(network, x, 1, 3) == "the output of layer 2 is the first that is not finite"
