"""The command as users see it."""

import csv
import json
import os
import signal
import struct
import subprocess
import sys

import numpy as np
import pytest

from minilocal.compare import read_results, read_sweep
from minilocal.compare.__main__ import _prepare, main
from minilocal.train import main as train
from minilocal.training.trainer import Trainer

REPORT = {"sweep.json", "results.csv", "results.md", "fig7_accuracy.png", "fig9_loss.png", "cost.png"}


@pytest.fixture
def compare(quick, tmp_path, capsys, monkeypatch):
    """Run the command in an empty directory; return (status, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def run(*argv, options=quick):
        try:
            status = main([*options, *argv])
        except SystemExit as error:  # by argparse
            status = error.code
        return status, *capsys.readouterr()

    return run


def numbers(directory):
    """Return everything that must not depend on interruptions: every run's rows and weights, and the results."""
    content = {}
    for path in sorted(directory.rglob("*")):
        if path.name in ("metrics.csv", "gradients.csv"):
            content[path.relative_to(directory)] = path.read_bytes()
        elif path.name == "checkpoint.npz":
            with np.load(path) as arrays:
                content[path.relative_to(directory)] = {name: arrays[name].tobytes() for name in arrays.files}
    with (directory / "results.csv").open(newline="") as file:
        return content, [row | {"train_seconds": ""} for row in csv.DictReader(file)]


def interrupt_in_epoch(monkeypatch, number):
    """Interrupt the epoch with that number, counted from 1 over all runs; return the list of epochs as they begin."""
    epochs, train_epoch = [], Trainer.train_epoch

    def train(self, epoch):
        epochs.append(epoch)
        if len(epochs) == number:
            raise KeyboardInterrupt
        return train_epoch(self, epoch)

    monkeypatch.setattr(Trainer, "train_epoch", train)
    return epochs


def test_an_interrupted_sweep_resumes_to_the_same_bits(compare, tmp_path, monkeypatch):
    asked = ["--algo", "BP", "G2S1/a2", "--seeds", "0", "1"]
    assert compare(*asked, "--sweep-dir", "whole")[0] == 0
    with monkeypatch.context() as patch:
        interrupt_in_epoch(patch, 4)  # the second epoch of the second run
        status, out, err = compare(*asked, "--sweep-dir", "sweep")
    assert status == 130
    assert err.splitlines()[-1] == "minilocal.compare: interrupted; the same command resumes"
    assert "not in the tables: G2S1/a2, seed 0: 1 of 2 epochs\n" in out
    assert "not begun: BP, seed 1; G2S1/a2, seed 1\n" in out
    assert {path.name for path in (tmp_path / "sweep").iterdir()} == REPORT | {"BP-seed0", "G2S1-a2-seed0"}
    with monkeypatch.context() as patch:
        epochs = interrupt_in_epoch(patch, 0)
        status, out, err = compare(*asked, "--sweep-dir", "sweep")
    assert status == 0
    assert epochs == [1, 0, 1, 0, 1]
    assert "4 runs (1 finished): " in err
    assert "run 2/4: G2S1/a2, seed 0 resumes after epoch 1/2" in err
    assert "not in the tables" not in out
    assert "not begun" not in out
    assert numbers(tmp_path / "sweep") == numbers(tmp_path / "whole")
    assert {path.name for path in (tmp_path / "sweep" / "BP-seed1").iterdir()} >= {
        "config.json", "metrics.csv", "gradients.csv", "timing.csv", "checkpoint.npz", "curves.png", "gradient_map.png",
    }  # fmt: skip

    monkeypatch.setattr(Trainer, "train_epoch", None)  # nothing is left to train
    assert compare(*asked, "--sweep-dir", "sweep")[:2] == (0, out)
    assert compare("--report", "sweep", options=[])[:2] == (0, out)


def test_a_run_equals_the_training_commands_and_entries_and_seeds_can_be_added(compare, quick, tmp_path):
    assert compare("--algo", "G1", "--seeds", "0", "--epochs", "1")[0] == 0
    (sweep,) = (tmp_path / "sweeps").iterdir()
    assert sweep.name == "vgg8b-0.0625-fashion-mnist-mini-1-epochs-batch-size=64-train-size=256-test-size=100"
    assert train([*quick, "--algo", "G1", "--epochs", "1", "--run-dir", "alone", "--quiet"]) == 0
    for name in ("config.json", "metrics.csv", "gradients.csv"):
        assert (sweep / "G1-seed0" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()
    before = (sweep / "G1-seed0" / "checkpoint.npz").stat().st_mtime_ns
    assert compare("--algo", "G2", "--seeds", "0", "1", "--epochs", "1", "--quiet")[0] == 0
    assert (sweep / "G1-seed0" / "checkpoint.npz").stat().st_mtime_ns == before
    results = read_results(read_sweep(sweep))
    assert [run.title for run in results.finished] == ["G1, seed 0", "G2, seed 0", "G2, seed 1"]
    assert [run.title for run in results.unfinished] == ["G1, seed 1"]


def test_a_run_that_diverges_does_not_end_the_sweep(compare):
    argv = "--algo G2/lr=1000/weight-decay=0.99 G1 --seeds 0 --epochs 1 --sweep-dir sweep"
    status, out, err = compare(*argv.split())
    assert status == 1
    last = err.splitlines()[-1]
    assert last == "minilocal.compare: 1 of 2 runs failed: G2/lr=1000.0/weight-decay=0.99, seed 0"
    assert "run 1/2: G2/lr=1000.0/weight-decay=0.99, seed 0 failed: the " in err
    assert "run 2/2: G1, seed 0, test " in err
    assert "not in the tables: G2/lr=1000.0/weight-decay=0.99, seed 0: 0 of 1 epoch; the " in out
    assert "try a smaller --lr than 1000" in out
    assert "vgg8b × 0.0625, A1" in out


MANY_OPTIONS = (
    "G3S2/width=0.25/classifier=a2/conv=winograd/dropout=0.0123456/train-size=200/validation=0.123456/no-crop/no-flip/"
    "epochs=3/batch-size=32/lr=0.0123456/lr-schedule=step/momentum=0.123456/weight-decay=0.00012345/idle=learn"
)


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ("--model resnet", "argument --model: invalid choice: 'resnet'"),
        ("--algo G8", "G8 has blocks of 8 layers, but the network has 7"),
        ("--algo G1 G9/a2", "G9 has blocks of 9 layers, but the network has 7"),
        ("--algo G1/train-size=99999", "train size is 99999; the data set has 12000"),
        ("--algo G1/batch-size=300", "batch size is 300; it must be at most the number of training images, 256"),
        ("--algo G1 g1/a1", "--algo has G1 twice; name each once"),
        (f"--algo G1 {MANY_OPTIONS}", f"entry '{MANY_OPTIONS}' has too many options to name a directory"),
        ("--algo", "expected at least one argument"),
        ("--seeds 0 1 0", "--seeds has 0 twice; name each once"),
        ("--seeds -1", "seed is -1; it must be at least 0"),
        ("--seeds many", "invalid int value: 'many'"),
        ("--epochs 0", "--epochs is 0; it must be at least 1"),
        ("--width 0.3", "width is 0.3"),
        ("--idle learn", "unrecognized arguments: --idle learn"),
        ("--threads 0", "--threads is 0; it must be at least 1"),
        ("--preset big", "invalid choice: 'big'"),
        ("--dataset imagenet", "'imagenet' is unknown"),
        ("--dataset npz:one.npz", "classes is 1; a classifier needs at least 2"),
        ("--preset paper --data-dir nowhere", "python -m minilocal.datasets fetch cifar10"),
        ("--sweep-dir runs", "runs is not a sweep's directory, because it has no sweep.json; name another"),
        ("--sweep-dir file", "file"),
        ("--sweep-dir file/sweep", "file/sweep"),
        ("--report runs", "--width has no effect with --report; leave it out"),
    ],
)
def test_bad_input_is_one_sentence_status_2_and_nothing_written(compare, tmp_path, argv, says):
    (tmp_path / "file").write_text("")
    (tmp_path / "runs" / "20260102-030405-G3S2-vgg8b").mkdir(parents=True)
    x, y = np.zeros((300, 32, 32, 3), np.uint8), np.zeros(300, int)
    np.savez(tmp_path / "one.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    before = sorted(tmp_path.rglob("*"))
    status, out, err = compare(*argv.split())
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert says in err
    assert sorted(tmp_path.rglob("*")) == before


def test_other_runs_are_refused_before_anything_is_trained(compare, made_up, quick):
    """The requested run is new, but another one in the directory differs from what its name says."""
    options = {"model": "vgg8b", "width": 0.0625, "dataset": "fashion-mnist-mini", "train_size": 256}
    sweep = made_up({"G1": [0.5]}, test_size=100, batch_size=64, **options)
    file = sweep.path / "sweep.json"
    content = json.loads(file.read_text())
    content["data"] |= {"train": 256, "test": 100, "image_shape": [32, 32, 1]}
    file.write_text(json.dumps(content))
    config = sweep.path / "G1-seed0" / "config.json"
    config.write_text(config.read_text().replace('"lr": 0.1', '"lr": 0.3'))
    before = {path: path.stat().st_mtime_ns for path in sweep.path.rglob("*")}
    another_run = "G1-seed0 contains another run (--lr is 0.1, but the run has 0.3); name another --sweep-dir"
    for argv, says in (
        ([*quick, "--algo", "G2", "--sweep-dir"], another_run),
        ([*quick, "--algo", "G2", "--lr", "0.2", "--sweep-dir"], "contains a sweep of other runs (--lr is 0.2, but "),
        (["--report"], another_run),
    ):
        status, out, err = compare(*argv, str(sweep.path), options=[])
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert says in err
    assert {path: path.stat().st_mtime_ns for path in sweep.path.rglob("*")} == before


def test_quiet_prints_only_the_report(compare):
    status, out, err = compare("--algo", "BP", "--seeds", "0", "--epochs", "1", "--quiet", "--sweep-dir", "sweep")
    assert (status, err) == (0, "")
    assert out.startswith("test accuracy (%) after the last epoch, mean ± deviation of 1 seed: vgg8b × 0.0625, ")
    files = "results.md, results.csv, fig7_accuracy.png, fig9_loss.png, cost.png"
    assert out.endswith(f"\n\nresults in sweep: {files}\n")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals, and no SIGINT for one process")
def test_a_terminal_gets_one_bar_and_ctrl_c_a_sentence(quick, tmp_path):
    pty, fcntl, termios = (pytest.importorskip(name) for name in ("pty", "fcntl", "termios"))
    command = [sys.executable, "-m", "minilocal.compare", *quick, "--epochs", "500", "--algo", "G1", "G2"]
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))  # 40 lines of 120 characters
    process = subprocess.Popen([*command, "--sweep-dir", "sweep"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=slave)
    os.close(slave)
    shown, interrupted = b"", False
    try:
        while output := os.read(master, 4096):
            shown += output
            if b"epoch 3/500, test " in shown and not interrupted:
                process.send_signal(signal.SIGINT)
                interrupted = True
    except OSError:  # on Linux, this is how the other end is closed
        pass
    os.close(master)
    out, _ = process.communicate()
    assert interrupted, shown.decode()
    assert process.returncode == 130
    assert "run 1/6: G1, seed 0 |" in shown.decode()
    for text in (" %, epoch 3/500, test ", " left", "the same command resumes"):
        assert text in shown.decode()
    assert b"not in the tables: G1, seed 0: " in out


def test_runs_on_other_images_never_share_a_table(compare, tmp_path):
    """Changed labels are refused by name, whether they are the sweep's own or those of an entry with more images."""
    x, y = np.random.default_rng(0).integers(0, 255, (96, 16, 16, 1)).astype(np.uint8), np.arange(96) % 4
    options = ["--dataset", "npz:own.npz", "--width", "0.0625", "--epochs", "1", "--batch-size", "32"]
    asked = ["--train-size", "64", "--algo", "BP", "BP/train-size=96", "--sweep-dir", "sweep"]

    def save(labels):
        np.savez(tmp_path / "own.npz", x_train=x, y_train=labels, x_test=x[:32], y_test=y[:32])
        _prepare.cache_clear()  # as in a new process

    save(y)
    assert compare(*asked, "--seeds", "0", options=options)[0] == 0
    save(np.roll(y, 1))
    status, out, err = compare(*asked, "--seeds", "0", "1", options=options)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "sweep contains runs on other images or labels; name another --sweep-dir" in err
    save(np.concatenate([y[:64], y[:63:-1]]))  # only images that one of the entries uses
    status, out, err = compare(*asked, "--seeds", "0", "1", options=options)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "sweep/BP-train-size=96-seed0 was trained on other images or labels than there are now" in err
    run = tmp_path / "sweep" / "BP-seed0" / "config.json"
    run.write_text(run.read_text().replace('"checksum": "', '"checksum": "f'))
    status, _, err = compare("--report", "sweep", options=[])
    assert status == 2
    assert "BP-seed0 contains a run on other images or labels" in err


def test_sweeps_from_before_checksums_go_on_and_say_that_they_cannot_be_checked(compare, tmp_path):
    asked = ["--algo", "BP", "--epochs", "1", "--sweep-dir", "sweep", "--quiet", "--seeds", "0"]
    assert compare(*asked)[0] == 0
    for file in (tmp_path / "sweep" / "sweep.json", tmp_path / "sweep" / "BP-seed0" / "config.json"):
        content = json.loads(file.read_text())
        del content["data"]["checksum"]
        file.write_text(json.dumps(content))
    says = "sweep has older runs without checksums; whether images and labels are the same now can't be checked\n"
    for argv, options in ((["--report", "sweep"], {"options": []}), ([*asked, "1"], {})):
        status, out, err = compare(*argv, **options)
        assert (status, err) == (0, says)
        assert "vgg8b × 0.0625" in out
    assert "checksum" in json.loads((tmp_path / "sweep" / "sweep.json").read_text())["data"]
