"""`minilocal export`: a run's weights in a safetensors file, read again by minilocal and by PyTorch."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from minilocal import train
from minilocal.runs import export
from minilocal.runs.directory import RunDirectory

numpy_files = pytest.importorskip("safetensors.numpy")
PAGE = (Path(__file__).parents[2] / "tutorials" / "weights.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run directory and its network."""
    path = tmp_path_factory.mktemp("export") / "run"
    options = "--algo G3S2 --width 0.0625 --train-size 256 --test-size 100 --epochs 1 --quiet --run-dir"
    assert train.main([*options.split(), str(path)]) == 0
    run = RunDirectory(path)
    config, preprocessing = run.read_config()
    network = config.network(preprocessing.image_shape, len(preprocessing.classes))
    run.read_checkpoint(network)
    return path, network


@pytest.fixture
def file(trained, tmp_path):
    file = tmp_path / "weights.safetensors"
    assert export.main([str(trained[0]), str(file)]) == 0
    return file


def test_the_file_has_every_array_to_the_bit(trained, file):
    arrays = numpy_files.load_file(file)
    assert {*arrays} == {*trained[1].arrays()}
    for name, array in trained[1].arrays().items():
        np.testing.assert_array_equal(arrays[name], array)


def test_the_pages_lines_load_the_file_again(trained, file, monkeypatch):
    *_, lines = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    monkeypatch.chdir(file.parent)
    exec(lines, scope := {})
    other = scope["network"]
    x = np.random.default_rng(0).standard_normal((4, *other.input_shape)).astype(np.float32)
    np.testing.assert_array_equal(other.predict(x), trained[1].predict(x))


def test_fifteen_lines_give_the_same_logits_in_pytorch(trained, file, monkeypatch):
    torch = pytest.importorskip("torch")
    (lines,) = (code for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "def peer" in code)
    assert len([line for line in lines.splitlines() if line]) == 15
    monkeypatch.chdir(file.parent)
    exec(lines, scope := {})
    x = np.random.default_rng(1).standard_normal((8, *trained[1].input_shape)).astype(np.float32)
    theirs = scope["peer"](torch.from_numpy(x).permute(0, 3, 1, 2)).numpy()
    ours = trained[1].predict(x)
    assert np.abs(ours).max() > 0.1
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-4)


def test_the_metadata_say_what_the_run_was(trained, file):
    with pytest.importorskip("safetensors").safe_open(file, "np") as opened:
        about = opened.metadata()
    assert json.loads(about["config"])["algo"] == "G3S2"
    assert json.loads(about["data"])["classes"][9] == "Ankle boot"
    assert about["pools"] == "0010111"
    assert about["trained"] == "epoch 1"


@pytest.mark.parametrize("make", [lambda path: "no/such/run", lambda path: path], ids=["no run", "empty folder"])
def test_what_is_no_run_is_named_and_nothing_is_written(make, tmp_path, capsys):
    assert export.main([str(make(tmp_path)), str(tmp_path / "out.safetensors")]) == 2
    assert "config.json does not exist; name a run directory" in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


def test_without_the_library_a_sentence_says_what_to_install(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "safetensors.numpy", None)
    assert export.main([str(trained[0]), str(tmp_path / "x")]) == 2
    assert "run `python -m pip install safetensors`" in capsys.readouterr().err
