from itertools import product

import pytest

from minilocal.errors import InputError
from minilocal.networks.configs import CONFIGS, Stage, a1_window, architecture, parse_stages


def test_configs_are_the_papers():
    published = {
        "vgg16": ("64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M", (1024, 1024), 2048),
        "vgg19": ("64 64 M 128 128 M" + 4 * " 256" + " M" + 4 * " 512" + " M" + 4 * " 512" + " M", (1024, 1024), 2048),
        "vgg11b": ("128 128 128 256 M 256 512 M 512 512 M 512 M", (1024,), 4096),
        "vgg11bx2": ("256 256 256 512 M 512 1024 M 1024 1024 M 1024 M", (1024,), 4096),
        "vgg8b": ("128 256 M 256 512 M 512 M 512 M", (1024,), 4096),
    }
    for name, config in published.items():
        assert (CONFIGS[name].stages, CONFIGS[name].fc, CONFIGS[name].features) == config


@pytest.mark.parametrize(("model", "n"), [("resnet20", 3), ("resnet32", 5)])
def test_residual_networks_are_those_of_he_et_al(model, n):
    """One convolution, and 3 stages of n blocks of 16, 32 and 64 channels; two stages begin with stride 2."""
    first, *blocks = parse_stages(CONFIGS[model].stages, CONFIGS[model].fc)
    assert (first.kind, first.width, first.stride) == ("conv", 16, 1)
    assert [block.width for block in blocks] == [16] * n + [32] * n + [64] * n
    assert [number for number, block in enumerate(blocks) if block.stride == 2] == [n, 2 * n]
    assert {(block.kind, block.kernel, block.pool) for block in blocks} == {("residual", 3, False)}
    assert blocks[-1].average
    assert architecture(model, 0.5).stages.split()[:2] + architecture(model, 0.5).stages.split()[-2:] == [
        "8",
        "R8",
        "R32",
        "A",
    ]


def test_kernels_strides_and_blocks_of_a_config_list():
    assert parse_stages("16k5/2 M P8k1 A", []) == [
        Stage("conv", 16, kernel=5, stride=2),
        Stage("projection", 8, pool=True, kernel=1, average=True),
    ]
    assert parse_stages([16, "M", "R32/3"], [4])[1:] == [Stage("residual", 32, pool=True, stride=3), Stage("fc", 4)]
    first, second = parse_stages("W 16 M 8 A", [])
    assert (first, second.average) == (Stage("conv", 16, whiten=True), True)
    assert architecture("vgg8b", 0.125, whiten=True).stages == f"W {architecture('vgg8b', 0.125).stages}"


@pytest.mark.parametrize("stages", ["W", "W M 8", "8 W 8", "W P8 A", "W W 8"])
def test_whitening_stands_in_front_of_a_conv_layer(stages):
    with pytest.raises(InputError, match="stages"):
        parse_stages(stages, [])


def doubled(shape, features):
    """Return the window of the paper's series, and whether it divides the map."""
    height, width, channels = shape
    h = w = 1
    while -(-height // h) * -(-width // w) * channels > features and (h < height or w < width):
        h, w = (2 * h, w) if h == w else (h, 2 * w)
    return (h, w), height % h == width % w == 0


def test_windows_of_the_papers_series_stay_and_others_divide_the_map():
    stay = 0
    for height, width, channels, features in product((1, 2, 3, 6, 7, 8, 12, 14, 20, 24), repeat=4):
        shape = (height, width, channels)
        window, divides = doubled(shape, 4 * features)
        h, w = a1_window(shape, 4 * features)
        assert (h, w) == window or not divides
        assert height % h == width % w == 0
        stay += divides
    assert 1000 < stay < 9000
    assert a1_window((12, 12, 256), 2048) == (6, 3)
    assert a1_window((40, 40, 64), 1280) == (10, 8)
    assert a1_window((7, 7, 512), 2048) == (7, 7)


def test_windows_double_height_first():
    assert a1_window((32, 32, 64), 2048) == (8, 4)
    assert a1_window((16, 16, 64), 2048) == (4, 2)
    assert a1_window((16, 16, 128), 2048) == (4, 4)
    assert a1_window((4, 4, 512), 4096) == (2, 1)
    assert a1_window((4, 4, 512), 2048) == (2, 2)
    assert a1_window((2, 2, 512), 4096) == (1, 1)
    assert a1_window((4, 4, 64), 32) == (4, 4)  # a single pixel is never pooled further
