import numpy as np
import pytest

from minilocal.networks.vgg import build_network
from minilocal.schedule import Block
from minilocal.training.diagnosis import damaged, first_damaged_output


@pytest.fixture
def network():
    return build_network("4 M 4", [8], (8, 8, 1), 3, "G2S1", features=16)


BLOCKS = [Block(2, 3)]


@pytest.mark.parametrize(
    ("name", "kind", "key", "says"),
    [
        ("layers.2", "grads", "conv.weight", "the gradient of layers.2.conv.weight (layer 2, block 2-3) is nan"),
        ("layers.3", "params", "bn.gamma", "the weight of layers.3.bn.gamma (layer 3, block 2-3) is nan"),
        ("layers.1", "state", "bn.mean", "the running statistic of layers.1.bn.mean (layer 1) is nan"),
        ("aux.3", "params", "linear.bias", "the weight of aux.3.linear.bias (layer 3, block 2-3) is nan"),
    ],
)
def test_the_first_number_that_is_not_finite_is_named(network, name, kind, key, says):
    assert damaged(network, BLOCKS, statistics=True) is None
    layers = dict(network.named_layers())
    getattr(layers[name], kind)[key].flat[-1] = np.nan
    layers["aux.3"].grads["linear.bias"][0] = np.inf
    assert damaged(network, BLOCKS, statistics=True) == says.replace("weight of aux.3", "gradient of aux.3").replace(
        "nan", "inf" if name == "aux.3" else "nan"
    )


def test_the_first_output_that_is_not_finite_is_named(network, rng):
    x = rng.standard_normal((4, 8, 8, 1)).astype(np.float32)
    assert first_damaged_output(network, x, 1, 3) == "all outputs up to layer 3 are finite"
    network.layer(2).params["conv.weight"][...] = 3e38
    with np.errstate(all="ignore"):
        assert first_damaged_output(network, x, 1, 1) == "all outputs up to layer 1 are finite"
        assert first_damaged_output(network, x, 1, 3) == "the output of layer 2 is the first that is not finite"
