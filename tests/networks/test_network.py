import numpy as np
import pytest

from minilocal.errors import InputError
from minilocal.networks.vgg import build_network
from minilocal.training.evaluation import all_logits


@pytest.fixture
def network():
    return build_network("4 M 6", [8], (8, 8, 2), 3, "G2S1", features=32)


def test_layers_and_arrays_have_names_and_are_not_copies(network):
    assert [name for name, _ in network.named_layers()] == ["layers.1", "layers.2", "layers.3", "aux.2", "aux.3"]
    arrays = network.arrays()
    assert arrays["layers.2.conv.weight"] is network.layer(2).layers["conv"].params["weight"]
    assert arrays["layers.1.bn.mean"] is network.layer(1).layers["bn"].state["mean"]


def test_repr(network):
    assert repr(network) == "Network(3 layers, input 8×8×2, classifiers on 2, 3)"


def test_load_copies_another_networks_arrays(network):
    other = build_network("4 M 6", [8], (8, 8, 2), 3, "G2S1", features=32, seed=1)
    other.load(network.arrays())
    x = np.random.default_rng(0).standard_normal((3, 8, 8, 2)).astype(np.float32)
    assert np.array_equal(other.predict(x), network.predict(x))
    other.arrays()["layers.1.conv.weight"][...] = 0
    assert network.arrays()["layers.1.conv.weight"].any()


def test_load_refuses_bad_arrays_and_changes_nothing(network):
    arrays = {name: array + 1 for name, array in network.arrays().items()}
    before = network.layer(1).params["conv.weight"].copy()
    with pytest.raises(InputError, match=r"array aux.3.linear.bias is missing"):
        network.load({name: a for name, a in arrays.items() if name != "aux.3.linear.bias"})
    with pytest.raises(InputError, match=r"aux.3.linear.bias has shape \(1, 3\); the network needs \(3,\)"):
        network.load(arrays | {"aux.3.linear.bias": np.zeros((1, 3))})
    for bad in (np.full(3, np.nan), np.zeros(3, complex), np.zeros(3, int)):
        with pytest.raises(InputError, match=r"aux.3.linear.bias contains NaN or infinity"):
            network.load(arrays | {"aux.3.linear.bias": bad})
    assert np.array_equal(network.layer(1).params["conv.weight"], before)


def test_dropout_keys_differ_by_layer_and_step(network):
    keys = set()
    for seed, step in ((0, 0), (0, 1), (1, 0)):
        network.set_dropout_keys(seed, step)
        keys |= {layer.layers["bn"].key for layer in network.layers}
    assert len(keys) == 9
    assert all(0 <= key < 2**62 for key in keys)


def test_assigning_to_its_arrays_sets_them(network):
    network.arrays()["layers.1.bn.beta"] = np.full(4, 5, np.float32)
    assert (network.layer(1).layers["bn"].params["beta"] == 5).all()
    with pytest.raises(InputError, match=r"'layers\.9' can't be set"):
        network.arrays()["layers.9"] = np.full(4, 5, np.float32)
    with pytest.raises(TypeError, match="does not support item assignment"):
        network.auxiliary[2] = network.classifier()


@pytest.mark.parametrize("fused", [False, True])
def test_no_images_have_no_logits(fused):
    network = build_network("4 M 6 M", [8], (8, 8, 2), 3, "G2S1", features=32, fused=fused)
    assert network.predict(np.zeros((0, 8, 8, 2), np.float32)).shape == (0, 3)
    assert {z.shape for z in all_logits(network, np.zeros((0, 8, 8, 2), np.float32), [2, 3]).values()} == {(0, 3)}


def test_predict_does_not_train(network):
    before = {name: array.copy() for name, array in network.arrays().items()}
    network.predict(np.ones((2, 8, 8, 2), np.float32))
    assert all(np.array_equal(before[name], array) for name, array in network.arrays().items())
