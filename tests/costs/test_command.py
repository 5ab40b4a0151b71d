"""The command as users see it."""

import json
import subprocess
import sys

import pytest
from matplotlib.image import imread

from minilocal.costs.__main__ import main


def run(capsys, *argv):
    assert main(list(argv)) == 0
    captured = capsys.readouterr()
    return captured.out, captured.err


def refusal(capsys, *argv):
    """Return the one sentence that refuses a command line."""
    try:
        status = main(list(argv))
    except SystemExit as stop:  # by argparse
        status = stop.code
    captured = capsys.readouterr()
    assert (status, captured.out, captured.err.count("\n")) == (2, "", 1)
    return captured.err


def test_tables(capsys):
    out, err = run(capsys, "--model", "vgg16", "--algo", "bp", "g3s2")
    assert out.startswith("vgg16, 32×32×3 images, 10 classes, classifiers A1, batches of 128\n")
    for line in (
        "BP        0  314,769,408  314,769,408  312,999,936       30,720  942,569,472         0.0 %",
        "G3S2      2  314,769,408  275,251,200  170,393,600      245,760  760,659,968        19.3 %",
        "G3S2   mean  314,769,408  295,010,304  180,355,072      261,120  790,395,904        16.1 %",
    ):
        assert f"\n{line}\n" in out
    assert "pipeline" in out
    assert err == ""


def test_options_reach_the_model(capsys):
    options = "--model vgg8b --width 0.125 --classes 7 --image-size 16 --channels 1 --classifier a2 --batch-size 1"
    out, _ = run(capsys, *options.split(), "--algo", "G1", "--json")
    content = json.loads(out)
    assert content["task"]["image_size"] == 16
    (g1,) = content["algorithms"]
    assert g1["steps"][0]["blocks"][0] == [1, 1]
    assert g1["steps"][0]["trained"] == g1["layer_weights"]
    assert g1["steps"][0]["macs"]["total"] == g1["mean"]["macs"]["total"]
    assert 9 * 1 * 16 + 9 * 16 * 32 < g1["layer_weights"] < 200_000
    text, _ = run(capsys, *options.split(), "--algo", "G1")
    assert text.startswith("vgg8b × 0.125, 16×16×1 images, 7 classes, classifiers A2, batches of 1\n")


def test_local_losses_apply_to_all_but_bp(capsys):
    options = ["--model", "vgg8b", "--algo", "BP", "G1"]
    out, _ = run(capsys, *options, "--local-loss", "sim", "--json")
    bp, g1 = (algorithm["classifier_weights"] for algorithm in json.loads(out)["algorithms"])
    assert (bp, g1) == (10_240, 10_240 + 9 * (128**2 + 2 * 256**2 + 3 * 512**2))
    out, _ = run(capsys, *options, "--local-loss", "sim")
    assert out.startswith("vgg8b, 32×32×3 images, 10 classes, local loss sim, classifiers A1, batches of 128\n")
    err = refusal(capsys, "--algo", "BP", "--local-loss", "sim")
    assert "local_loss is sim, but BP has only the network's own loss" in err


def test_variants_of_moving_boundaries(capsys):
    out, _ = run(capsys, "--json", "--algo", "G3", "G3S2", "--front", "block", "--idle", "learn")
    still, moving = json.loads(out)["algorithms"]
    assert (still["algo"], moving["algo"]) == ("G3", "G3S2 (front block, idle learn)")
    assert [step["blocks"][0] for step in moving["steps"]] == [[1, 3], [1, 2]]
    assert [step["idle"] for step in moving["steps"]] == [[2, 5, 8, 11, 14], [3, 6, 9, 12]]


def test_json_has_every_shift_and_their_means(capsys):
    out, _ = run(capsys, "--json", "--model", "vgg19", "--algo", "G3S1")
    (g3s1,) = json.loads(out)["algorithms"]
    assert [step["shift"] for step in g3s1["steps"]] == [0, 1, 2]
    mean = g3s1["mean"]
    assert round(mean["pipeline_bound"]["against_bp"], 1) == 4.1
    for name in ("trained", "frozen", "classifiers", "costliest", "stored", "off_chip"):
        assert mean[name] == sum(step[name] for step in g3s1["steps"]) / 3
    for name in ("macs", "off_chip"):
        shares = [step["less_than_bp"][name] for step in g3s1["steps"]]
        assert mean["less_than_bp"][name] == pytest.approx(sum(shares) / 3)
        assert len(set(shares)) == 3
    for step in g3s1["steps"]:
        assert step["pipeline_bound"]["against_itself"] == step["macs"]["total"] / step["costliest"]


def test_table1(capsys):
    out, _ = run(capsys, "--table1")
    assert "A2      paper  11,827,200   6,098,629       3,352,576        1,664,236\n" in out
    assert "        here   11,827,200   6,097,447       3,352,576        1,663,842\n" in out
    for remark in ("0.02 % lower here", "123.1 %", "132.9 %"):
        assert remark in out


def test_figures_are_printed_and_drawn(capsys, tmp_path):
    out, err = run(capsys, "--figure6", "--figure8", "--out", str(tmp_path))
    assert "G3S2, paper               66     64      88        81\n" in out
    assert "G3S1, paper               64     61      86        80\n" in out
    assert "G3S1       13.6   13.0    13.5      13.5  13.4     14\n" in out
    assert out.count("That is not quite\ntrue") == 2
    for name in ("figure6.png", "figure8.png"):
        assert f"drawn in {tmp_path / name}" in err
        assert imread(tmp_path / name).std() > 0.01
    assert len(list(tmp_path.iterdir())) == 2


def test_the_papers_numbers_as_json(capsys, tmp_path):
    out, _ = run(capsys, "--table1", "--figure8", "--json", "--out", str(tmp_path))
    content = json.loads(out)
    assert content["table1"]["layers"]["paper"]["macs_max"] == content["table1"]["layers"]["here"]["macs_max"]
    assert content["figure8"]["macs"]["paper"]["G3S1"] == 14
    assert round(content["figure8"]["off_chip"]["here"]["G3S1"]["vgg16"], 1) == 64.4


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ("--model vgg13", "argument --model: invalid choice: 'vgg13'"),
        ("--classes 0", "--classes is 0; it must be at least 2 and at most 1000000"),
        ("--classes 10000000", "--classes is 10000000"),
        ("--batch-size 0", "--batch-size is 0"),
        ("--image-size -32", "--image-size is -32"),
        ("--image-size 28", "28×28×3 images do not fit the network: layer 8: pool"),
        ("--channels 2", "--channels"),
        ("--width 0.3", "width is 0.3, which leaves 19.2 channels of vgg16's 64; choose one that leaves whole"),
        ("--width nan", "--width is nan; it must be above 0 and at most 8"),
        ("--algo G16", "G16 has blocks of 16 layers, but the network has 15"),
        ("--algo G2S2", "must be less than its block size 2"),
        ("--algo BP G3 --idle learn", "--idle learn has no effect on BP, G3; add an algorithm such as G3S2"),
        ("--table1 --front block", "--front has no effect on the paper's"),
        ("--table1 --classes 10", "--classes has no effect on the paper's"),
        ("--out .", "--out is the folder for figures; ask for one, with --figure6"),
        ("--algo G3S2 G1 g3s2", "--algo has G3S2 twice; name each once"),
        ("--figure6 --out no/such/folder", "--out: 'no/such/folder/figure6.png' can't be written (No such file"),
        ("--figure6 --out pyproject.toml", "--out: 'pyproject.toml/figure6.png' can't be written (Not a directory)"),
    ],
)
def test_bad_input_is_one_sentence(argv, says, capsys):
    assert says in refusal(capsys, *argv.split())


@pytest.mark.skipif(sys.platform == "win32", reason="folders have no write bit there")
def test_a_folder_without_write_permission_is_refused(capsys, tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("minilocal.files.Path.open", refuse)
    assert "figure8.png' can't be written (Permission denied)" in refusal(capsys, "--figure8", "--out", str(tmp_path))


def test_no_figure_is_written_if_one_of_them_cannot_be(capsys, tmp_path):
    (tmp_path / "figure8.png").mkdir()
    said = refusal(capsys, "--figure6", "--figure8", "--out", str(tmp_path))
    assert "figure8.png' can't be written (Is a directory)" in said
    assert [path.name for path in tmp_path.iterdir()] == ["figure8.png"]


def test_no_arrays_are_made():
    """Costs are integers: even those of VGG-19 need no NumPy."""
    code = (
        "import sys; from minilocal.costs.__main__ import main; main(['--model', 'vgg19']);"
        "sys.exit(any(name in sys.modules for name in ('numpy', 'numba', 'matplotlib')))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
