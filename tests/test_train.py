"""The training command, seen from outside: its output, its files and its exit status."""

import csv
import dataclasses
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from minilocal.console.signals import TERMINATE
from minilocal.datasets.prepare import prepare
from minilocal.runs import sealed
from minilocal.runs.config import PRESETS, Config
from minilocal.runs.directory import RunDirectory
from minilocal.train import draw, introduction, main
from minilocal.training.trainer import Trainer


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def finished(quick, tmp_path_factory):
    path = tmp_path_factory.mktemp("finished") / "run"
    assert main([*quick, "--algo", "G1", "--quiet", "--run-dir", str(path)]) == 0
    return path


@pytest.fixture
def train(quick, tmp_path, capsys, monkeypatch):
    """Run the command in an empty directory; return (status, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def run(*argv):
        try:
            status = main([*quick, *argv])
        except SystemExit as error:
            status = error.code
        return status, *capsys.readouterr()

    return run


def test_a_run_says_what_it_does_and_writes_all_its_files(train, tmp_path):
    status, out, err = train("--algo", "g3s2", "--validation", "0.25")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith(
        "G3S2, vgg8b × 0.0625, fashion-mnist-mini, 2 epochs, seed 0: 192 images to train on, 64 to"
    )
    epochs = [line for line in lines if line.startswith("epoch")]
    assert [e.split(" | ")[0] for e in epochs] == ["epoch 1/2", "epoch 2/2"]
    for text in ("[1-3]", "[4-6]", "[7]", "validation", "test"):
        assert text in epochs[0]
    assert "frozen 1-2 | [3-5]" in epochs[1]
    (run,) = (tmp_path / "runs").iterdir()
    assert lines[-1].startswith("test accuracy ")
    assert lines[-1].endswith(f"results in {run.relative_to(tmp_path)}")
    assert run.name.endswith("-G3S2-vgg8b")
    assert {p.name for p in run.iterdir()} == {
        "config.json", "metrics.csv", "gradients.csv", "timing.csv", "checkpoint.npz", "checkpoint-epoch1.npz",
        "curves.png", "gradient_map.png", ".lock",
    }  # fmt: skip

    metrics = rows(run / "metrics.csv")
    assert [(r["epoch"], r["shift"], r["block"], r["first_layer"], r["last_layer"]) for r in metrics] == [
        ("1", "0", "1", "1", "3"), ("1", "0", "2", "4", "6"), ("1", "0", "3", "7", "7"),
        ("2", "2", "1", "3", "5"), ("2", "2", "2", "6", "7"),
    ]  # fmt: skip
    assert all(0 <= float(r[f"{part}_accuracy"]) <= 1 for r in metrics for part in ("train", "validation", "test"))
    assert f"{100 * float(metrics[-1]['test_accuracy']):.2f} %" in lines[-1]
    gradients = rows(run / "gradients.csv")
    assert [r["block"] for r in gradients] == [*"1112223", *"0011122"]
    assert all((float(r["gradient_norm"]) > 0) == (r["block"] != "0") for r in gradients)
    assert [r["epoch"] for r in rows(run / "timing.csv")] == ["1", "2"]

    config = json.loads((run / "config.json").read_text())
    assert (config["config"]["algo"], config["config"]["seed"], len(config["data"]["mean"])) == ("g3s2", 0, 1)
    _, about = sealed.read(run / "checkpoint.npz")
    assert (about["version"], about["config"], about["sums"]["epoch"]) == (1, config["config"], 2)
    for name in ("curves.png", "gradient_map.png"):
        assert (run / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_same_command_same_bytes_whatever_the_threads(train, tmp_path):
    for threads in ("1", "2", "4"):
        assert train("--algo", "G2S1", "--threads", threads, "--run-dir", f"run{threads}")[0] == 0
    for name in ("metrics.csv", "gradients.csv", "checkpoint.npz", "config.json"):
        contents = {(tmp_path / f"run{threads}" / name).read_bytes() for threads in "124"}
        assert len(contents) == 1, name


def test_default_directories_never_collide_and_quiet_prints_only_the_result(train, tmp_path):
    for _ in range(3):
        status, out, err = train("--algo", "BP", "--epochs", "1", "--quiet")
        assert (status, err, out.count("\n")) == (0, "", 1)
        assert out.startswith("test accuracy ")
    assert len(list((tmp_path / "runs").iterdir())) == 3


def config_of_the_same_bytes(train, tmp_path, options):
    """Train with im2col, plain, with workers and resumed; compare all numbers; return the first run's configuration."""
    assert train(*options, "--conv", "im2col", "--run-dir", "run")[0] == 0
    assert train(*options, "--plain", "--run-dir", "plain")[0] == 0
    assert train(*options, "--conv", "im2col", "--workers", "2", "--run-dir", "workers")[0] == 0
    first = ["--conv", "im2col", "--lr-epochs", "2", "--epochs", "1", "--run-dir", "resumed"]
    assert train(*options, *first)[0] == 0
    assert main(["--resume", "resumed", "--epochs", "2", "--quiet"]) == 0
    for other in ("plain", "workers", "resumed"):
        for name in ("metrics.csv", "gradients.csv"):
            assert (tmp_path / other / name).read_bytes() == (tmp_path / "run" / name).read_bytes(), (other, name)
    return json.loads((tmp_path / "run" / "config.json").read_text())["config"]


def test_a_residual_network_has_the_same_bytes_plain_with_workers_and_resumed(train, tmp_path):
    options = ["--model", "resnet20", "--width", "0.25", "--algo", "G3S2", "--dropout", "0.1"]
    options += ["--train-size", "128"]
    config = config_of_the_same_bytes(train, tmp_path, options)
    assert {row["block"] for row in rows(tmp_path / "run" / "metrics.csv")} == set("1234")
    assert Config(model="resnet20").dropout_rate == 0
    assert config["dropout"] == 0.1


def test_the_whole_recipe_of_the_hour_resumed_plain_and_with_workers_gives_the_same_bytes(train, tmp_path):
    """All parts of the preset at once, in the size of a test; what is given overrides."""
    options = ["--preset", "hour", "--algo", "G2S1", "--dataset", "fashion-mnist-mini", "--width", "0.125"]
    options += ["--epochs", "2", "--train-size", "128", "--flip"]
    config = config_of_the_same_bytes(train, tmp_path, options)
    given = {"algo": "G2S1", "dataset": "fashion-mnist-mini", "width": 0.125, "epochs": 2}
    assert config.items() >= (PRESETS["hour"] | given).items()


def test_whitening_is_fitted_once_and_a_run_keeps_its_own(train, tmp_path):
    assert train("--whiten", "--algo", "BP", "--epochs", "1", "--run-dir", "run")[0] == 0
    run = RunDirectory(tmp_path / "run")
    config, _ = run.read_config()
    first, other = (replace(config, train_size=size).build() for size in (256, 200))
    name = "layers.1.whiten.patches.weight"
    weights = first.network.arrays()[name].copy()
    assert not np.array_equal(weights, other.network.arrays()[name])
    run.read_checkpoint(other.network)
    assert np.array_equal(weights, other.network.arrays()[name])
    again = Trainer(other.network, other.data, config)
    assert np.array_equal(weights, again.network.arrays()[name])


def test_describe_shows_what_residual_blocks_consist_of(train):
    status, out, _ = train("--describe", "--model", "resnet20", "--width", "1")
    assert status == 0
    words = [line.split() for line in out.splitlines()]
    assert ["layer", "5", "body.conv1", "16×16×32", "4,608", "1,179,648"] in words
    assert ["body.bn1", "relu", "dropout", "16×16×32", "64"] in words
    assert ["shortcut", "16×16×32"] in words
    assert ["aux", "10", "pool", "1×1×64"] in words
    assert ["all", "layers", "268,784", "40,255,488"] in words


def test_describe_trains_nothing(train, tmp_path):
    status, out, _ = train("--describe", "--model", "vgg11b", "--algo", "G2S1", "--width", "1")
    assert status == 0
    for text in ("layer 10", "32×32×128", "aux 9", "epochs 2, 4, …", "frozen 1, blocks 2-3", "blocks 1-2, 3-4"):
        assert text in out
    status, out, _ = train("--describe", "--model", "vgg8b", "--algo", "G3", "--width", "1", "--local-loss", "predsim")
    assert status == 0
    assert re.search(r"\nsim 3 +conv +16×16×256 +589,824 +150,994,944\n +deviation +256\naux 6 +pool", out)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "option",
    [
        ["--classifier", "a2"],
        ["--no-crop", "--flip"],
        ["--lr-schedule", "step"],
        ["--lr-schedule", "cosine"],
        ["--beta-lr", "8"],
        ["--whiten"],
        ["--dirac"],
        ["--crop-border", "mirror"],
        ["--flips", "alternate"],
        ["--dropout", "0"],
        ["--local-loss", "sim"],
    ],
)
def test_options_make_a_difference(train, tmp_path, option):
    train("--algo", "G1", "--epochs", "1", "--run-dir", "plain")
    assert train("--algo", "G1", "--epochs", "2", *option, "--run-dir", "other")[0] == 0
    a, b = (tmp_path / name / "metrics.csv" for name in ("plain", "other"))
    assert a.read_text().splitlines()[1] != b.read_text().splitlines()[1]


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--algo", "G2S2"], "G2S2 shifts by 2 layers, which must be less than its block size 2; try G2S1"),
        (["--algo", "XY"], "algorithm 'XY' is unknown; use BP, GX or GXSY"),
        (["--algo", "G8"], "G8 has blocks of 8 layers, but the network has 7; use G7"),
        (["--model", "resnet"], "argument --model: invalid choice: 'resnet'"),
        (["--width", "0.3"], "width is 0.3, which leaves 38.4 channels of vgg8b's 128; choose one that leaves whole"),
        (["--width", "nan"], "width is nan"),
        (["--epochs", "0"], "--epochs is 0; it must be at least 1"),
        (["--batch-size", "1"], "--batch-size is 1; it must be at least 2"),
        (["--batch-size", "300"], "it must be at most the number of training images, 256"),
        (["--lr", "-1"], "--lr is -1.0; it must be above 0"),
        (["--lr", "nan"], "--lr is nan"),
        (["--momentum", "1"], "--momentum is 1.0; it must be at least 0 and below 1"),
        (["--weight-decay", "-1"], "--weight-decay is -1.0"),
        (["--dropout", "1"], "--dropout is 1.0"),
        (["--validation", "1"], "--validation is 1.0"),
        (["--validation", "0.001"], "holds out 0 of 256"),
        (["--seed", "-1"], "--seed is -1"),
        (["--threads", "0"], "threads is 0; it must be at least 1"),
        (["--train-size", "20000"], "train size is 20000; the data set has 12000 train images"),
        (["--dataset", "imagenet"], "'imagenet' is unknown"),
        (["--dataset", "npz:nothing.npz"], "nothing.npz"),
        (["--dataset", "cifar10", "--data-dir", "nowhere"], "python -m minilocal.datasets fetch cifar10"),
        (["--run-dir", "file"], "run directory 'file' can't be made"),
        (["--run-dir", "new/" + 300 * "x"], "can't be made"),
        (["--run-dir", ""], "--run-dir is the current directory"),
        (["--run-dir", "a\nfile\0"], "can't be made"),
        (["--width", "65536"], "--width is 65536.0; it must be above 0 and at most 8"),
        (["--run-dir", "run"], "run directory 'run' is not empty"),
        (["--algo"], "expected one argument"),
        (["--lr", "x"], "invalid float value: 'x'"),
        (["--classifier", "a3"], "invalid choice: 'a3'"),
        (["--lr-schedule", "linear"], "invalid choice: 'linear'"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
        (
            ["--dataset", "npz:own.npz", "--train-size", "128"],
            "20×20×3 images do not fit the network: layer 6: pool: a 2×2 pooling window does not divide a 5×5 map",
        ),
        (["--resume", "run", "--lr", "0.05"], "--lr is 0.05, but the run has 0.1"),
        (["--resume", "run", "--epochs", "5"], "only a run that began with --lr-epochs 5 or more can become that long"),
        (["--resume", "run", "--run-dir", "other"], "--run-dir has no effect with --resume run"),
        (["--crop-border", "mirror", "--crop-margin", "32"], "crop_margin is 32, but images of 32×32 pixels"),
        (["--crop-margin", str(2**63)], "--crop-margin is 9223372036854775808; it must be"),
        (["--resume", "run", "--preset", "hour"], "--preset has no effect with --resume run"),
        (["--resume", "nowhere"], "nowhere/config.json does not exist; name a run directory"),
        (["--resume", "file"], "file/config.json can't be read"),
        (["--resume", "run", "--keep", "-1"], "--keep is -1; it must be at least 0"),
        (["--resume", "run", "--checkpoint-every", "0"], "--checkpoint-every is 0; it must be at least 1"),
        (["--epochs", "5", "--lr-epochs", "3"], "lr_epochs is 3; the learning-rate schedule must last for all 5"),
        (["--lr-epochs", "0"], "--lr-epochs is 0; it must be at least 1"),
        (["--keep", "many"], "invalid int value: 'many'"),
    ],
)
def test_bad_input_is_one_sentence_status_2_and_nothing_written(train, finished, tmp_path, argv, says):
    (tmp_path / "file").touch()
    shutil.copytree(finished, tmp_path / "run")
    x, y = np.zeros((200, 20, 20, 3), np.uint8), np.arange(200) % 3
    np.savez(tmp_path / "own.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    status, out, err = train(*argv)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert says in err
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_diverging_run_exits_1_and_keeps_its_directory(train, tmp_path):
    status, out, err = train(
        "--algo", "G2", "--lr", "1000", "--weight-decay", "0.99", "--epochs", "3", "--run-dir", "bad"
    )
    assert status == 1
    assert re.search(r"layers?.*\d.* is (nan|-?inf) .*(in|after) step \d+ of epoch \d; try", err)
    assert "try a smaller --lr than 1000; the last good checkpoint, of " in err
    assert err.count("\n") == 1
    assert (tmp_path / "bad" / "config.json").exists()
    assert "results in" not in out


def test_a_signal_while_figures_are_drawn_has_nothing_left_to_stop(train, tmp_path, monkeypatch):
    def drawn(*args):
        signal.raise_signal(TERMINATE)
        return draw(*args)

    monkeypatch.setattr("minilocal.train.draw", drawn)
    status, out, err = train("--algo", "G3", "--quiet", "--run-dir", "run")
    assert (status, err) == (0, "")
    assert "results in run" in out
    assert (tmp_path / "run" / "gradient_map.png").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, TERMINATE])
def test_a_run_stopped_before_it_begins_leaves_nothing_but_a_resumed_one_stays(train, tmp_path, monkeypatch, number):
    monkeypatch.setattr("minilocal.train.on_compilation", lambda *_: signal.raise_signal(number))
    status, _, err = train("--quiet", "--run-dir", "run")
    assert status == (130 if number == signal.SIGINT else 143)
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []

    config = Config(train_size=256, test_size=100)
    run = RunDirectory.create(config, "begun")
    run.write_config(config, config.data())
    run.lock.release()
    assert main(["--resume", "begun", "--quiet"]) == status
    assert (tmp_path / "begun" / "config.json").exists()


def test_a_run_can_be_lengthened_if_its_learning_rate_was_planned_for_it(train, tmp_path):
    assert train("--algo", "G2S1", "--lr-epochs", "3", "--run-dir", "run")[0] == 0
    status, out, _ = train("--resume", "run", "--epochs", "3", "--algo", "g2s1", "--threads", "1")
    assert status == 0
    assert "\nresuming after epoch 2\nepoch 3/3 | " in out
    assert train("--algo", "G2S1", "--lr-epochs", "3", "--epochs", "3", "--run-dir", "whole")[0] == 0
    for name in ("metrics.csv", "gradients.csv", "checkpoint.npz", "config.json"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    status, out, err = train("--resume", "run", "--epochs", "3")
    assert (status, err) == (0, "")
    assert "all 3 epochs are trained already" in out
    assert "test accuracy" in out.splitlines()[-1]


def test_a_run_resumes_with_its_data_elsewhere_if_they_are_the_same(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "b").mkdir()
    x, y = np.random.default_rng(0).integers(0, 255, (80, 16, 16, 1)).astype(np.uint8), np.arange(80) % 4
    np.savez("own.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    argv = ["--dataset", "npz:own.npz", "--width", "0.0625", "--batch-size", "40", "--quiet", "--run-dir", "run"]
    assert main([*argv, "--epochs", "1", "--lr-epochs", "2"]) == 0
    (tmp_path / "own.npz").rename(tmp_path / "b" / "own.npz")
    assert main(["--resume", "run", "--epochs", "2"]) == 2
    np.savez("own.npz", x_train=255 - x, y_train=y, x_test=x, y_test=y)
    assert main(["--resume", "run", "--epochs", "2"]) == 2
    assert "other images, labels or classes now than it had when the run began" in capsys.readouterr().err
    assert main(["--resume", "run", "--epochs", "2", "--data-dir", "b", "--quiet"]) == 0


def test_the_introduction_says_which_images_of_each_class_were_chosen(images):
    order = images.y_train.argsort(kind="stable")
    ordered = dataclasses.replace(images, x_train=images.x_train[order], y_train=images.y_train[order])
    said = " (the first of each class, because the images are ordered by class), 2 threads"
    for dataset, size, says in ((ordered, 20, True), (ordered, None, False), (images, 20, False)):
        assert (said in introduction(Config(), prepare(dataset, train_size=size), None)) is says


def test_a_run_that_began_with_a_crop_margin_of_4_pixels_for_every_size_keeps_it(tmp_path, monkeypatch, rng, capsys):
    monkeypatch.chdir(tmp_path)
    x, y = rng.integers(0, 255, (80, 16, 16, 1), dtype=np.uint8), np.arange(80) % 4
    np.savez("own.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    argv = ["--dataset", "npz:own.npz", "--width", "0.0625", "--batch-size", "40", "--quiet", "--lr-epochs", "2"]
    argv += ["--crop-margin", "4", "--run-dir"]
    assert main([*argv, "whole", "--epochs", "2"]) == main([*argv, "old", "--epochs", "1"]) == 0
    config, checkpoint = tmp_path / "old" / "config.json", tmp_path / "old" / "checkpoint.npz"
    config.write_text(config.read_text().replace('"crop_margin": 4,', ""))
    arrays, about = sealed.read(checkpoint)
    del about["config"]["crop_margin"]
    with checkpoint.open("w+b") as file:
        sealed.write(file, arrays, about)
    assert main(["--resume", "old", "--epochs", "2"]) == 0
    assert "\nresuming after epoch 1\n" in capsys.readouterr().out
    assert (tmp_path / "old" / "metrics.csv").read_bytes() == (tmp_path / "whole" / "metrics.csv").read_bytes()


def test_a_code_page_without_multiplication_sign_does_not_stop_a_run(quick, tmp_path):
    command = [sys.executable, "-m", "minilocal.train", *quick, "--describe"]
    env = os.environ | {"PYTHONIOENCODING": "cp1251"}
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, env=env, check=True)
    assert b"32?32?1" in run.stdout


def test_a_terminal_gets_bars_and_a_pipe_gets_lines(quick, tmp_path):
    """Under a pseudo-terminal the bar moves and shows images per second and losses; through a pipe there is no bar."""
    pty, fcntl, termios = (pytest.importorskip(name) for name in ("pty", "fcntl", "termios"))
    command = [sys.executable, "-m", "minilocal.train", *quick, "--epochs", "1", "--algo", "G2", "--batch-size", "8"]
    piped = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert piped.stderr == ""
    assert "\r" not in piped.stdout
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))  # 40 lines of 120 characters
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=slave)
    os.close(slave)
    shown = b""
    try:
        while piece := os.read(master, 4096):
            shown += piece
    except OSError:  # Linux says so when the other end is closed
        pass
    os.close(master)
    assert process.wait() == 0
    for text in (b"epoch 1/1", b"img/s", b"loss "):
        assert text in shown


def test_a_run_resumed_on_another_kind_of_machine_says_so(train, tmp_path):
    """Also when it has come back to where it began."""
    assert train("--lr-epochs", "5", "--run-dir", "run")[::2] == (0, "")
    file = tmp_path / "run" / "config.json"
    content = json.loads(file.read_text())
    here = content["versions"]
    assert {"numpy", "numba", "blas", "cpu"} < here.keys()
    file.write_text(json.dumps(content | {"versions": here | {"cpu": "z80"}}))
    says = f"run is resumed on another kind of machine (cpu was z80, then {here['cpu']}); the result's last bits may"
    for epochs in ("3", "4"):
        status, _, err = train("--resume", "run", "--epochs", epochs)
        assert (status, err.count("\n")) == (0, 1)
        assert err.startswith(says)
        assert json.loads(file.read_text())["resumed_with"] == [here]
    content = json.loads(file.read_text())
    file.write_text(json.dumps(content | {"versions": here, "resumed_with": [here | {"cpu": "z80"}]}))
    status, _, err = train("--resume", "run", "--epochs", "5")
    assert status == 0
    assert f"(cpu was {here['cpu']}, then z80)" in err
    assert train("--resume", "run", "--epochs", "5")[2] == ""  # nothing was left to train


def test_a_run_from_before_machines_were_remembered_can_be_resumed(train, tmp_path):
    assert train("--lr-epochs", "5", "--run-dir", "run")[::2] == (0, "")
    file = tmp_path / "run" / "config.json"
    for epochs, versions in enumerate(({"numpy": np.__version__}, None, "0.1"), 3):
        file.write_text(json.dumps(json.loads(file.read_text()) | {"versions": versions, "resumed_with": 3}))
        assert train("--resume", "run", "--epochs", str(epochs))[::2] == (0, "")


@pytest.mark.skipif(sys.platform != "linux", reason="OpenBLAS and x86-64")
def test_the_kernels_of_blas_are_remembered():
    code = "from minilocal.runs.machine import machine; print(machine()['blas'], machine()['cpu'])"
    said = [
        subprocess.run([sys.executable, "-c", code], env=os.environ | other, capture_output=True, check=True).stdout
        for other in ({"OPENBLAS_CORETYPE": "Nehalem"}, {"OPENBLAS_CORETYPE": "Sandybridge"}, {"NUMBA_CPU_NAME": "abc"})
    ]
    assert len({*said}) == 3 or b"openblas" not in said[0]
