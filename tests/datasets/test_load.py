import subprocess
import sys

import numpy as np
import pytest

from minilocal.datasets import NAMES, load
from minilocal.errors import InputError


def test_unknown_name_lists_what_there_is():
    with pytest.raises(InputError, match=r"'imagenet' is unknown: choose fashion-mnist-mini, .*, cifar100 or npz:FILE"):
        load("imagenet")


@pytest.mark.parametrize("name", [name for name in NAMES if name != "fashion-mnist-mini"])
def test_nothing_is_here(name, tmp_path):
    with pytest.raises(InputError, match=f"{name} is not here .* fetch {name}"):
        load(name, tmp_path)


def test_each_layout(mnist_folder, cifar10_folder, cifar100_folder, tmp_path):
    assert not load("mnist", tmp_path).flip
    mnist_folder.rename(tmp_path / "fashion-mnist")
    fashion = load("fashion-mnist", tmp_path)
    assert fashion.flip
    assert fashion.classes[9] == "Ankle boot"
    assert load("cifar10", tmp_path).x_train.shape == (20, 32, 32, 3)
    assert len(load("cifar100", cifar100_folder).classes) == 100


def test_own_data(tmp_path, arrays, monkeypatch):
    np.savez(tmp_path / "own.npz", **arrays)
    monkeypatch.chdir(tmp_path)
    assert len(load("npz:own.npz").x_train) == 9
    with pytest.raises(InputError, match="is not a file"):
        load("npz:")


def test_import_is_light_and_silent():
    """Nothing that downloads or draws is imported with the readers."""
    script = "import sys, minilocal.datasets; print(*{'urllib.request', 'tqdm', 'tarfile'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("", "")
