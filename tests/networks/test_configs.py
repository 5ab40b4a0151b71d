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


def test_windows_double_height_first():
    assert a1_window((32, 32, 64), 2048) == (8, 4)
    assert a1_window((16, 16, 64), 2048) == (4, 2)
    assert a1_window((16, 16, 128), 2048) == (4, 4)
    assert a1_window((4, 4, 512), 4096) == (2, 1)
    assert a1_window((4, 4, 512), 2048) == (2, 2)
    assert a1_window((2, 2, 512), 4096) == (1, 1)
    assert a1_window((4, 4, 64), 32) == (4, 4)  # a single pixel is never pooled further
