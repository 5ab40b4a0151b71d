"""PyTorch's side does what ours does: the same network, the same losses step after step."""

import subprocess
import sys

import numpy as np
import pytest

import minilocal as ml
from minilocal.bench.our_side import OurSteps, products
from minilocal.errors import TrainingError
from minilocal.layers import Flatten
from minilocal.networks.configs import CONFIGS, Architecture
from minilocal.schedule import parse

torch = pytest.importorskip("torch")

from minilocal.bench.torch_side import TorchNetwork, TorchSteps, conv_passes, linear_passes  # noqa: E402

SETTINGS = {"model": "vgg8b", "width": 1 / 16, "batch_size": 8, "threads": 2, "dropout": 0.0}
RESIDUAL = {"model": "resnet20", "width": 1 / 4}
WITHOUT_FC = {"model": "vgg6", "width": 1 / 8}
PROJECTING = {"model": "projecting", "width": 1}
BLOCKS = {"BP": [(1, 7)], "G3S2": [(3, 5), (6, 7)]}


def sides(algo, classifier, layout, network=SETTINGS, **more):
    settings = {"algo": algo, "classifier": classifier} | SETTINGS | network
    return OurSteps(**settings), TorchSteps(layout, **settings, **more)


@pytest.fixture
def projecting(monkeypatch):
    """Make a model that has what resnet20 lacks: projections, kernels of another size, a max-pool before a block."""
    config = Architecture("4 M P6k5/2 R6 M P8 9k1/2 A", (), 32)
    monkeypatch.setitem(CONFIGS, "projecting", config)


def parameters(network, peer):
    """Yield our parameters, in PyTorch's order of axes, each with PyTorch's; maps were flattened as (H, W, C)."""
    inputs = [network.input_shape, *network.shapes]
    pairs = [(layer, inputs[i], peer.layers[i]) for i, layer in enumerate(network.layers)]
    pairs += [(layer, inputs[n], peer.auxiliary[str(n)]) for n, layer in network.auxiliary.items()]
    for layer, shape, module in pairs:
        theirs, flattened = iter(module.parameters()), None
        for _, leaf, inputs in layer.operations(shape):
            if isinstance(leaf, Flatten):
                flattened = inputs
            for array in leaf.params.values():
                if array.ndim == 2 and flattened and len(flattened) == 3:
                    array = array.reshape(*flattened, -1).transpose(3, 2, 0, 1).reshape(array.shape[1], -1)
                    flattened = None
                elif array.ndim > 1:
                    array = array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T
                yield array, next(theirs)
        assert next(theirs, None) is None


@pytest.mark.parametrize("classifier", ["a1", "a2"])
@pytest.mark.parametrize("model", CONFIGS)
def test_the_same_network(model, classifier):
    network = ml.build_vgg(model, algo="G1", width=1 / 16, classifier=classifier)
    peer = TorchNetwork("G1", model, 1 / 16, classifier)
    assert peer.auxiliary.keys() == {str(number) for number in network.auxiliary}
    for mine, theirs in parameters(network, peer):
        assert mine.shape == theirs.shape


@pytest.mark.parametrize("algo", ["BP", "G3S2"])
@pytest.mark.parametrize(
    ("classifier", "layout", "more"),
    [
        ("a1", "NCHW", {}),
        ("a1", "channels_last", {"network": RESIDUAL}),
        ("a2", "NCHW", {"network": PROJECTING}),
        ("a2", "channels_last", {}),
        ("a1", "NCHW", {"network": WITHOUT_FC}),
        ("a1", "channels_last", {"compiled": True, "backend": "aot_eager"}),  # traces as the default does, but fast
        pytest.param("a1", "channels_last", {"compiled": True}, marks=pytest.mark.slow),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
@pytest.mark.usefixtures("projecting")
def test_the_same_losses(algo, classifier, layout, more):
    ours, theirs = sides(algo, classifier, layout, **more)
    blocks = parse(algo).blocks_at(1, len(ours.network))
    for mine, parameter in parameters(ours.network, theirs.network):
        with torch.no_grad():
            parameter.copy_(torch.from_numpy(np.ascontiguousarray(mine)))
    for _ in range(3):  # the later ones tell whether updates agree
        np.testing.assert_allclose(theirs.train(blocks), ours.train(blocks), rtol=1e-4)
    theirs.network.eval()
    with torch.inference_mode():
        logits = theirs.predict(theirs.x).numpy()
    np.testing.assert_allclose(logits, ours.network.predict(ours.x), atol=1e-3)


def test_a_compiler_that_fails_is_a_sentence(monkeypatch):
    def broken(graph, inputs):
        raise ValueError("no working compiler\nand a long traceback")

    _, theirs = sides("BP", "a1", "NCHW", compiled=True, backend=broken)
    with pytest.raises(TrainingError, match=r"^it fails with ValueError: no working compiler$"):
        theirs.compile(BLOCKS["BP"])


def test_an_allocator_that_was_not_preloaded():
    with pytest.raises(TrainingError, match=r"libnone\.so\.1 can't be preloaded"):
        sides("BP", "a1", "NCHW", preloaded="libnone.so.1")


def test_frozen_layers_stay_but_their_statistics_follow():
    _, theirs = sides("G3S2", "a1", "NCHW")
    before = {name: tensor.clone() for name, tensor in theirs.network.state_dict().items()}
    theirs.train(BLOCKS["G3S2"])
    for name, tensor in theirs.network.state_dict().items():
        frozen = name.startswith(("layers.0.", "layers.1.", "auxiliary.3.")) and "running" not in name
        if frozen and name.endswith(("weight", "bias")):
            assert torch.equal(tensor, before[name]), name
        elif name.startswith(("layers.0.", "layers.1.")) and "running" in name:
            assert not torch.equal(tensor, before[name]), name


def test_the_passes_of_single_layers_have_the_gradients_shapes():
    ours, _ = sides("BP", "a1", "NCHW")
    for sizes, _ in products(ours.network)[-3:]:
        weight = sizes["weight_shape"]
        if len(weight) == 4:
            kernel, _, c_in, c_out = weight
            height, width, _ = sizes["input_shape"]
            passes = conv_passes(sizes, 4, "channels_last")
            assert passes["forward"]().shape == (4, c_out, height, width)
            assert passes["weight gradient"]()[1].shape == (c_out, c_in, kernel, kernel)
            assert passes["input gradient"]()[0].shape == (4, c_in, height, width)
        else:
            shapes = [tuple(run().shape) for run in linear_passes(sizes, 4).values()]
            assert shapes == [(4, weight[1]), weight[::-1], (4, weight[0])]


def test_pytorchs_processes_import_neither_numba_nor_our_layers():
    """Otherwise their peak memory would not be PyTorch's alone."""
    code = "import sys, minilocal.bench.torch_side; print({'numba', 'minilocal.layers'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"
