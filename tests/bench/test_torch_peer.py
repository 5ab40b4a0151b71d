"""PyTorch's side does what ours does: the same network, the same losses step after step."""

import numpy as np
import pytest

from minilocal.bench.leaves import leaves_with_shapes
from minilocal.bench.operations import describe
from minilocal.bench.our_steps import OurSteps
from minilocal.bench.products import products
from minilocal.layers import Flatten

torch = pytest.importorskip("torch")

from minilocal.bench.torch_products import conv_passes, linear_passes  # noqa: E402
from minilocal.bench.torch_steps import TorchSteps  # noqa: E402

SETTINGS = {"model": "vgg8b", "width": 1 / 16, "batch_size": 8, "threads": 2}
BLOCKS = {"BP": [(1, 7)], "G3S2": [(3, 5), (6, 7)]}


def sides(algo, classifier, layout):
    ours = OurSteps(print, algo, classifier=classifier, dropout=0.0, **SETTINGS)
    theirs = TorchSteps(print, describe(ours.network), layout, batch_size=8, threads=2)
    return ours, theirs


def copy_weights(network, peer):
    """Copy every parameter, from (kh, kw, C_in, C_out) and (in, out); maps were flattened as (H, W, C)."""
    inputs = [network.input_shape, *network.shapes]
    parts = [(layer, inputs[i], peer.layers[i]) for i, layer in enumerate(network.layers)]
    parts += [(layer, inputs[n], peer.auxiliary[str(n)]) for n, layer in network.auxiliary.items()]
    for part, shape, module in parts:
        parameters, flattened = iter(module.parameters()), None
        for leaf, reached in leaves_with_shapes(part, shape):
            if isinstance(leaf, Flatten):
                flattened = reached
            for array in leaf.params.values():
                if array.ndim == 2 and flattened and len(flattened) == 3:
                    array = array.reshape(*flattened, -1).transpose(3, 2, 0, 1).reshape(array.shape[1], -1)
                    flattened = None
                elif array.ndim > 1:
                    array = array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T
                with torch.no_grad():
                    next(parameters).copy_(torch.from_numpy(np.ascontiguousarray(array)))
        assert next(parameters, None) is None


@pytest.mark.parametrize("algo", ["BP", "G3S2"])
@pytest.mark.parametrize(("classifier", "layout"), [("a1", "NCHW"), ("a2", "channels_last")])
def test_the_same_losses(algo, classifier, layout):
    ours, theirs = sides(algo, classifier, layout)
    mine = sum(array.size for _, part in ours.network.named_layers() for array in part.params.values())
    assert sum(parameter.numel() for parameter in theirs.network.parameters()) == mine
    copy_weights(ours.network, theirs.network)
    for _ in range(3):  # the later ones tell whether updates agree
        np.testing.assert_allclose(theirs.train(BLOCKS[algo]), ours.train(BLOCKS[algo]), rtol=1e-4)
    theirs.network.eval()
    with torch.inference_mode():
        logits = theirs.network.predict(theirs.x).numpy()
    np.testing.assert_allclose(logits, ours.network.predict(ours.x), atol=1e-3)


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
    for product, _ in products(ours.network)[-3:]:
        plain = {name: getattr(product, name) for name in vars(product)}
        if len(product.weight_shape) == 4:
            kernel, _, c_in, c_out = product.weight_shape
            height, width, _ = product.input_shape
            passes = conv_passes(plain, 4, "channels_last")
            assert passes["forward"]().shape == (4, c_out, height, width)
            assert passes["weight gradient"]()[1].shape == (c_out, c_in, kernel, kernel)
            assert passes["input gradient"]()[0].shape == (4, c_in, height, width)
        else:
            d_in, d_out = product.weight_shape
            passes = linear_passes(plain, 4)
            shapes = [tuple(run().shape) for run in passes.values()]
            assert shapes == [(4, d_out), (d_out, d_in), (4, d_in)]
