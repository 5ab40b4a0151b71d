import subprocess
import sys

import pytest

from minilocal.datasets import NAMES, folders
from minilocal.datasets.__main__ import main


def test_list(capsys, cifar10_folder, tmp_path, monkeypatch):
    assert main(["list", "--data-dir", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert tuple(line.split()[0] for line in lines) == NAMES
    assert lines[0].endswith("fashion-mnist-mini")
    assert lines[2].endswith("python -m minilocal.datasets fetch mnist")
    assert lines[NAMES.index("cifar10")].endswith(f"in {cifar10_folder}")
    monkeypatch.setattr(folders, "PACKAGE", tmp_path / "nowhere")
    main(["list"])
    assert "fashion-mnist-mini  missing; reinstall minilocal\n" in capsys.readouterr().out


def test_without_a_home_folder_the_list_is_whole(capsys, monkeypatch):
    def no_home():
        raise RuntimeError

    monkeypatch.delenv("MINILOCAL_CACHE", raising=False)
    monkeypatch.setattr(folders.Path, "home", no_home)
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(NAMES)
    assert lines[-1].endswith("your home folder is unknown; set MINILOCAL_CACHE to a folder")


def test_fetch(capsys, monkeypatch, tmp_path):
    asked = []
    module = sys.modules["minilocal.datasets.__main__"]
    monkeypatch.setattr(module, "fetch", lambda *args: asked.append(args) or tmp_path / "mnist")
    arguments = ["fetch", "mnist", "--data-dir", "D", "--mirror", "http://m"]
    assert main(arguments) == 0
    assert capsys.readouterr().out == f"mnist is in {tmp_path / 'mnist'}\n"
    assert main([*arguments, "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert asked == [("mnist", "D", "http://m", False), ("mnist", "D", "http://m", True)]


def test_failure_is_one_sentence_and_status_2(capsys, tmp_path):
    assert main(["fetch", "mnist", "--data-dir", str(tmp_path), "--mirror", "nonsense"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("minilocal.datasets: nonsense/train-images-idx3-ubyte.gz can't be downloaded")
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [[], ["fetch"], ["fetch", "imagenet"], ["nonsense"], ["list", "--mirror", "http://m"]]
)
def test_bad_arguments_are_one_sentence_and_status_2(capsys, arguments):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_as_a_module(tmp_path):
    command = [sys.executable, "-m", "minilocal.datasets", "fetch", "mnist", "--mirror", "x", "--data-dir", "D"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("minilocal.datasets: x/train-images-idx3-ubyte.gz can't be downloaded")
