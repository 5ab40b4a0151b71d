import os
import shutil
from pathlib import Path

import pytest

from minilocal.datasets import folders
from minilocal.datasets.folders import cache_dir, find
from minilocal.errors import InputError


def test_the_folder_or_its_parent(cifar10_folder, mnist_folder, tmp_path):
    batches = [cifar10_folder / f"data_batch_{i}.bin" for i in range(1, 6)]
    for place in (tmp_path, cifar10_folder, str(cifar10_folder)):
        assert find("cifar10", place) == (cifar10_folder, [*batches, cifar10_folder / "test_batch.bin"])
    assert find("mnist", tmp_path)[0] == mnist_folder
    assert find("fashion-mnist", mnist_folder)[0] == mnist_folder  # the file names are the same


def test_the_cache_is_searched_without_data_dir(monkeypatch, mnist_folder, tmp_path):
    monkeypatch.setenv("MINILOCAL_CACHE", str(tmp_path))
    assert find("mnist")[0] == mnist_folder
    with pytest.raises(InputError) as error:
        find("cifar100")
    assert str(error.value) == (
        f"cifar100 is not here (there is no train.bin in {tmp_path / 'cifar-100-binary'}); "
        "run `python -m minilocal.datasets fetch cifar100` or name its folder with --data-dir"
    )


def test_the_missing_file_and_the_places_are_named(mnist_folder, tmp_path):
    (mnist_folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(InputError) as error:
        find("mnist", tmp_path)
    assert f"no t10k-labels-idx1-ubyte.gz in {mnist_folder}, " in str(error.value)
    assert f"no train-images-idx3-ubyte.gz in {tmp_path})" in str(error.value)


@pytest.mark.parametrize("place", ["absent", "a/b/c", "x" * 5000, "nul\0byte"])
def test_impossible_places(tmp_path, place):
    with pytest.raises(InputError, match="is not here"):
        find("cifar10", tmp_path / place)


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, "{home}/.cache/minilocal"),
        ("linux", {"XDG_CACHE_HOME": "/xdg"}, "/xdg/minilocal"),
        ("linux", {"XDG_CACHE_HOME": "/xdg", "MINILOCAL_CACHE": "/mine"}, "/mine"),
        ("darwin", {}, "{home}/Library/Caches/minilocal"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/minilocal"),
        ("win32", {}, "{home}/AppData/Local/minilocal"),
    ],
)
def test_cache_dir(monkeypatch, tmp_path, platform, variables, expected):
    for name in ("MINILOCAL_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(folders.sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert cache_dir() == Path(expected.format(home=tmp_path))


def test_no_home(monkeypatch):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("MINILOCAL_CACHE", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(InputError, match="MINILOCAL_CACHE"):
        cache_dir()


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir, getattr(os, "mkfifo", Path.mkdir)])
def test_neither_a_folder_nor_a_pipe_is_a_file(cifar10_folder, make):
    (cifar10_folder / "test_batch.bin").unlink()
    make(cifar10_folder / "test_batch.bin")
    with pytest.raises(InputError, match=r"no test_batch\.bin in "):  # and nothing waits for a writer to the pipe
        find("cifar10", cifar10_folder)


def test_the_names_and_folders_that_other_programs_use(mnist_folder, tmp_path):
    for path in list(mnist_folder.iterdir()):
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    assert find("mnist", mnist_folder)[1][0].name == "train-images.idx3-ubyte.gz"
    raw = tmp_path / "KMNIST" / "raw"
    shutil.copytree(mnist_folder, raw)
    assert find("kmnist", tmp_path)[0] == raw


@pytest.mark.parametrize("place", [".", "cifar-10-batches-py"])
def test_the_python_version_of_cifar_is_named(tmp_path, place):
    (folder := tmp_path / "cifar-10-batches-py").mkdir()
    (folder / "data_batch_1").write_bytes(b"pickle")
    with pytest.raises(InputError) as error:
        find("cifar10", tmp_path / place)
    said = f", and no reader for the pickled Python version in {folder}); get the binary version: run `"
    assert said in str(error.value)


def test_a_tilde_is_the_home_folder(cifar10_folder, mnist_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("MINILOCAL_CACHE", "~")
    assert find("cifar10")[0] == cifar10_folder
    assert find("mnist", "~/mnist")[0] == mnist_folder
