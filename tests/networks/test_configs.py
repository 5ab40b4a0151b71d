from itertools import product

from minilocal.networks.configs import CONFIGS, a1_window


def test_configs_are_the_papers():
    published = {
        "vgg16": ("64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M", (1024, 1024), 2048),
        "vgg19": ("64 64 M 128 128 M" + 4 * " 256" + " M" + 4 * " 512" + " M" + 4 * " 512" + " M", (1024, 1024), 2048),
        "vgg11b": ("128 128 128 256 M 256 512 M 512 512 M 512 M", (1024,), 4096),
        "vgg11bx2": ("256 256 256 512 M 512 1024 M 1024 1024 M 1024 M", (1024,), 4096),
        "vgg8b": ("128 256 M 256 512 M 512 M 512 M", (1024,), 4096),
    }
    assert {name: (c.stages, c.fc, c.features) for name, c in CONFIGS.items()} == published


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
