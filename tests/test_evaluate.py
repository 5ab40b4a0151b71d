import json
import re
import shutil
import tracemalloc

import numpy as np
import pytest

from minilocal import evaluate, train
from minilocal.console.text import columns
from minilocal.datasets.batches import evaluation_batches
from minilocal.runs import sealed
from minilocal.runs.directory import RunDirectory


@pytest.fixture(scope="module")
def finished(quick, tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "run"
    assert train.main([*quick, "--algo", "G3S2", "--quiet", "--run-dir", str(run)]) == 0
    return run


@pytest.fixture
def run(finished, tmp_path):
    """A copy that a test may spoil."""
    return shutil.copytree(finished, tmp_path / "run")


def test_it_reports_what_training_reported(run, capsys):
    assert evaluate.main([str(run)]) == 0
    out = capsys.readouterr().out
    last = (run / "metrics.csv").read_text().splitlines()[-1].split(",")
    assert f"test accuracy {100 * float(last[-1]):.2f} % on 100 images" in out
    assert "A_5 " in out  # the classifiers of the last epoch, shift 2: A_5 and A_7
    assert "A_7 " in out
    assert "A_3 " not in out
    assert "Ankle boot" in out
    assert (run / "confusion_matrix.png").read_bytes()[:4] == b"\x89PNG"


def test_test_time_flips_are_reported_beside_the_plain_accuracy(run, capsys):
    assert evaluate.main([str(run), "--flips"]) == 0
    plain, flipped = re.findall(r"(?:test accuracy|test-time flips) ([\d.]+) %(?: on|\n)", capsys.readouterr().out)
    directory = RunDirectory(run)
    config, preprocessing = directory.read_config()
    network = config.network(preprocessing.image_shape, len(preprocessing.classes))
    directory.read_checkpoint(network)
    test = evaluate.test_images(directory, config, preprocessing)
    ((x, labels),) = evaluation_batches(test)
    ways = [network.predict(np.ascontiguousarray(image)) for image in (x, np.flip(x, axis=2))]
    assert plain == f"{100 * np.mean(ways[0].argmax(axis=1) == labels):.2f}"
    assert flipped == f"{100 * np.mean(np.add(*ways).argmax(axis=1) == labels):.2f}"


def test_it_predicts_single_image_files(run, tmp_path, capsys):
    from PIL import Image

    from minilocal.datasets import load

    images = load("fashion-mnist-mini").x_test
    Image.fromarray(images[0, :, :, 0]).save(tmp_path / "a.png")
    Image.fromarray(255 - images[0, :, :, 0]).convert("RGB").save(tmp_path / "inverted.png")
    Image.fromarray(images[0, :, :, 0]).resize((100, 80)).save(tmp_path / "large.jpg")
    assert evaluate.main([str(run), "--predict", *(str(tmp_path / name) for name in ("a.png", "large.jpg"))]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(str(tmp_path / "a.png: "))
    assert first.count("%") == second.count("%") == 3
    assert evaluate.main([str(run), "--invert", "--predict", str(tmp_path / "inverted.png")]) == 0
    assert capsys.readouterr().out.split(": ")[1].strip() == first.split(": ")[1]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--invert"], "--invert has no effect without --predict"),
        (["--predict", "a.png", "--flips"], "--flips has no effect on --predict"),
        (["--predict", "a.png", "--data-dir", "."], "--data-dir has no effect on --predict"),
    ],
)
def test_an_option_without_effect_is_refused(options, says, capsys):
    assert evaluate.main(["run", *options]) == 2
    assert says in capsys.readouterr().err


def spoil(name, content):
    def action(run):
        (run / name).write_bytes(content)

    return action


def edit_config(section="config", **changes):
    def action(run):
        about = json.loads((run / "config.json").read_text())
        about[section] |= changes
        (run / "config.json").write_text(json.dumps(about))

    return action


def edit_checkpoint(sums=None, **changes):
    """Change what a checkpoint contains, and give it the right checksum."""

    def action(run):
        arrays, about = sealed.read(run / "checkpoint.npz")
        with (run / "checkpoint.npz").open("w+b") as file:
            sealed.write(file, arrays | changes, about | ({} if sums is None else {"sums": sums}))

    return action


def no_checkpoint(run):
    for path in run.glob("checkpoint*"):
        path.unlink()


ODD = [
    ("epochs", None), ("epochs", "many"), ("epochs", 1.5), ("epochs", True), ("width", []), ("width", None),
    ("dataset", 3), ("classifier", {}), ("test_size", 5.0), ("validation", None), ("seed", 1.5), ("crop", "no"),
    ("batch_size", None),
]  # fmt: skip
ODD_DATA = [
    ("classes", ["\ud800", "b"]),
    ("classes", "abcdefghij"), ("classes", [1, 2]), ("raw_shape", [28, 28]), ("raw_shape", [10**9, 10**9, 1]),
    ("image_shape", [-1, 2, 3]), ("image_shape", None), ("mean", None), ("mean", [1.0, 2.0]),
    ("mean", [float("nan")]), ("mean", [1e308]), ("std", [0.0]), ("std", [1e-320]), ("std", [[1.0]]),
    ("white_level", "255"), ("white_level", 1e308),
]  # fmt: skip
ODD_SUMS = [{}, [], {"epoch": -3, "steps": 0}, {"epoch": True, "steps": 0}, {"epoch": 2, "steps": 0.5}, {"epoch": 2}]

BETA = "layers.1.bn.beta"


@pytest.mark.parametrize(
    ("action", "says"),
    [
        (lambda run: (run / "config.json").unlink(), "config.json does not exist; name a run directory"),
        (no_checkpoint, "checkpoint.npz does not exist"),
        (spoil("config.json", b"{"), "config.json can't be read"),
        (spoil("config.json", b"\xff\xfe"), "config.json can't be read"),
        (spoil("config.json", b"[]"), "is not a run's configuration"),
        (spoil("config.json", b'{"config": {}, "data": {}}'), "is not a run's configuration"),
        (spoil("checkpoint.npz", b""), "checkpoint.npz is not a complete checkpoint"),
        (spoil("checkpoint.npz", b"PK\x03\x04 and then nothing"), "checkpoint.npz is not a complete checkpoint"),
        (edit_config(width=0.125), "does not fit the run's configuration: --width is 0.125, but the run has 0.0625"),
        (edit_config(algo="G9S9"), "config.json is not a run's configuration (G9S9 shifts by 9"),
        (edit_config(colour="red"), "unknown options: colour"),
        *((edit_config(**{name: value}), f"({name} is {value!r}; it must be") for name, value in ODD),
        *((edit_config("data", **{name: value}), f"(data.{name} is ") for name, value in ODD_DATA),
        (spoil("config.json", b"[" * 100_000), "config.json can't be read"),
        *((edit_checkpoint(sums), "it does not say how far training was") for sums in ODD_SUMS),
        (edit_checkpoint(**{BETA: np.full(8, np.nan)}), f"array {BETA} contains NaN or infinity"),
        (edit_checkpoint(**{BETA: np.array([object()], dtype=object)}), f"{BETA} holds Python objects, which are not"),
        (
            edit_config(test_size=90),
            "checkpoint.npz does not fit the run's configuration: --test-size is 90, but the run has",
        ),
    ],
)
def test_a_damaged_run_is_refused_in_one_sentence(run, action, says, capsys):
    action(run)
    assert evaluate.main([str(run)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert says in err


def test_a_run_on_your_own_data_can_be_evaluated_from_anywhere(tmp_path, monkeypatch, capsys):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    x, y = np.random.default_rng(0).integers(0, 255, (80, 16, 16, 1)).astype(np.uint8), np.arange(80) % 4
    np.savez("own.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    argv = ["--algo", "G1", "--width", "0.0625", "--epochs", "1", "--batch-size", "40", "--quiet", "--run-dir", "run"]
    assert train.main(["--dataset", "npz:own.npz", *argv]) == 0
    assert json.loads((tmp_path / "a/run/config.json").read_text())["data"]["classes"] == [*"0123"]
    monkeypatch.chdir(tmp_path)
    assert evaluate.main(["a/run"]) == 0
    (tmp_path / "a" / "own.npz").rename(tmp_path / "b" / "own.npz")
    assert evaluate.main(["a/run"]) == 2
    assert evaluate.main(["a/run", "--data-dir", "b"]) == 0
    assert capsys.readouterr().out.count("on 80 images") == 2


def test_the_numbers_are_printed_even_if_the_figure_cannot_be_drawn(run, capsys):
    (run / "confusion_matrix.png").mkdir()
    assert evaluate.main([str(run)]) == 0
    out, err = capsys.readouterr()
    assert err.startswith("not drawn: ")
    assert "% on 100 images" in out


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("none.png", "does not exist"),
        ("deep.png", "more than 8 bits"),
        ("text.png", "can't be read"),
        ("run", "can't be read"),
    ],
)
def test_files_that_are_not_images_are_refused_before_any_prediction_is_printed(run, tmp_path, bad, says, capsys):
    from PIL import Image

    Image.new("L", (28, 28)).save(tmp_path / "a.png")
    Image.new("I;16", (28, 28)).save(tmp_path / "deep.png")
    (tmp_path / "text.png").write_text("not an image")
    assert evaluate.main([str(run), "--predict", str(tmp_path / "a.png"), str(tmp_path / bad)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert says in err


def test_images_are_not_predicted_if_white_is_unknown(run, tmp_path, capsys):
    from PIL import Image

    Image.new("L", (28, 28)).save(tmp_path / "a.png")
    edit_config("data", white_level=None)(run)
    assert evaluate.main([str(run), "--predict", str(tmp_path / "a.png")]) == 2
    assert "was trained on images whose white is neither 1 nor 255" in capsys.readouterr().err


def test_between_two_renames_the_previous_checkpoint_is_read(run, capsys):
    """A process that is killed there leaves no checkpoint.npz."""
    (run / "checkpoint.npz").unlink()
    assert evaluate.main([str(run)]) == 0
    assert "; after epoch 1" in capsys.readouterr().out


def own_run(folder, classes):
    """Train on a few small images with these classes; return the run's directory."""
    x, y = np.random.default_rng(0).integers(0, 255, (64, 16, 16, 1)).astype(np.uint8), np.arange(64) % len(classes)
    np.savez(folder / "own.npz", x_train=x, y_train=y, x_test=x, y_test=y, classes=np.array(classes))
    argv = ["--algo", "BP", "--width", "0.0625", "--epochs", "1", "--batch-size", "64", "--quiet"]
    run = folder / "own-run"
    assert train.main(["--dataset", f"npz:{folder / 'own.npz'}", *argv, "--run-dir", str(run)]) == 0
    return run


def test_of_thousands_of_classes_only_those_that_occur_are_counted(tmp_path, capsys):
    run = own_run(tmp_path, [f"class {i}" for i in range(8000)])
    capsys.readouterr()
    tracemalloc.start()
    try:
        assert evaluate.main([str(run)]) == 0
        assert tracemalloc.get_traced_memory()[1] < 3e8  # a full matrix has 5e8 bytes
    finally:
        tracemalloc.stop()
    out, err = capsys.readouterr()
    assert out.count(" %, most often mistaken for class ") == 64
    assert err == "not drawn: a confusion matrix of 8,000 classes\n"


def test_names_of_classes_and_files_reach_the_terminal_as_text(tmp_path, capsys):
    """The columns of a table stay aligned, and nothing that a terminal would obey gets through."""
    from PIL import Image

    run = own_run(tmp_path, ["猫", "two\nlines", "\x1b[2J", "a" * 80])
    assert evaluate.main([str(run)]) == 0
    Image.new("L", (16, 16)).save(tmp_path / "\x1b[2J.png")
    assert evaluate.main([str(run), "--predict", str(tmp_path / "\x1b[2J.png")]) == 0
    assert evaluate.main([str(run), "--predict", str(tmp_path / "\x1b[3J.png")]) == 2
    assert evaluate.main([str(tmp_path / "\x1b[2J")]) == 2
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
    table = [line for line in out.splitlines() if line.endswith(" %") and line.startswith("  ")]
    assert [line[:26].split("  ")[1] for line in table] == ["猫", "two lines", r"\x1b[2J", "a" * 23 + "…"]
    assert len({columns(line) for line in table}) == 1
    assert r"\x1b[2J.png: " in out


@pytest.mark.parametrize("name", ["config.json", "checkpoint.npz"])
def test_files_of_another_run_are_refused_by_name(run, quick, tmp_path, name, capsys):
    other = tmp_path / "other"
    assert train.main([*quick, "--algo", "G3S2", "--seed", "1", "--quiet", "--run-dir", str(other)]) == 0
    capsys.readouterr()
    for file in run.glob("checkpoint-*"):
        file.unlink()
    shutil.copy(other / name, run / name)
    seeds = ("1", "0") if name == "config.json" else ("0", "1")
    for command in (evaluate.main, lambda argv: train.main(["--resume", *argv])):
        assert command([str(run)]) == 2
        out, err = capsys.readouterr()
        assert err.count("\n") == 1
        assert "%" not in out
        assert f"--seed is {seeds[0]}, but the run has {seeds[1]}" in err


def test_other_images_are_refused_and_an_older_run_says_that_it_cannot_be_checked(tmp_path, capsys):
    run = own_run(tmp_path, ["a", "b"])
    with np.load(tmp_path / "own.npz") as arrays:
        np.savez(tmp_path / "own.npz", **{**arrays, "y_test": np.roll(arrays["y_test"], 1)})
    capsys.readouterr()
    for command in (evaluate.main, lambda argv: train.main(["--resume", *argv])):
        assert command([str(run)]) == 2
        assert "(checksum differ); name the original with --data-dir" in capsys.readouterr().err
    edit_config("data", checksum=None)(run)
    for command in (evaluate.main, lambda argv: train.main(["--resume", *argv])):
        status = command([str(run)])
        err = capsys.readouterr().err
        assert err.startswith(
            f"{run} is an older run without a checksum; whether images and labels are the same now can"
        )
    assert status == 2  # its checkpoint has one
    assert "does not fit the run's configuration: it was trained on other images or labels" in err
