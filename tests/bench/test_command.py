"""The command as a whole, on a network so small that a step takes milliseconds."""

import contextlib
import importlib.util
import json
import subprocess

import pytest

import minilocal as ml
from minilocal.bench import __main__ as bench
from minilocal.bench import our_side, peers, timing, worker
from minilocal.bench.__main__ import main
from minilocal.bench.options import read
from minilocal.bench.plan import plan_steps
from minilocal.bench.rates import add_rates
from minilocal.bench.text import duration, render
from minilocal.costs import algorithm_costs
from minilocal.networks.configs import architecture

TINY = ["--model", "vgg8b", "--width", "0.0625", "--batch-size", "8", "--steps", "2", "--threads", "2"]


@pytest.fixture(autouse=True)
def processes(monkeypatch):
    """No pauses and small products; in the end, every process that was started must be gone."""
    monkeypatch.setattr(worker, "PAUSE", 0)
    monkeypatch.setattr(bench, "SGEMM_SIZE", 256)
    started, popen = [], subprocess.Popen
    monkeypatch.setattr(
        subprocess, "Popen", lambda *args, **options: started.append(popen(*args, **options)) or started[-1]
    )
    yield started
    assert all(process.poll() is not None for process in started)


def run(capsys, *argv):
    assert main([*TINY, *argv]) == 0
    captured = capsys.readouterr()
    return captured.out, captured.err


def check_rates(rates, batch_size=8):
    low, high = rates["quartiles"]
    assert 0 < low <= rates["median"] <= high
    assert min(rates["seconds"]) <= low
    assert rates["images_per_second"] == pytest.approx(batch_size / rates["median"])
    assert rates["flops"] > 0 < rates["of_sgemm"]


def test_steps_and_estimates_as_json_and_drawn(capsys, tmp_path):
    plot, figure10 = tmp_path / "bench.png", tmp_path / "figure10.png"
    out, err = run(capsys, "--json", "--algo", "bp", "g2s1", "--plot", str(plot), "--figure10", str(figure10))
    for file in (plot, figure10):
        assert file.read_bytes().startswith(b"\x89PNG")
        assert f"drawn in {file}" in err
    results = json.loads(out)  # nothing else is on stdout
    bp, local, inference = results["steps"]
    assert (bp["algo"], local["algo"], inference["algo"]) == ("BP", "G2S1", "inference")
    assert [row["shift"] for row in local["shifts"]] == [0, 1]
    for row in (*bp["shifts"], *local["shifts"], local["mean"], *inference["shifts"]):
        check_rates(row["minilocal"])
        assert len(row["minilocal"]["seconds"]) == 2
        assert row["flop"] > 0
        assert "torch" not in row
    assert local["mean"]["flop"] == sum(row["flop"] for row in local["shifts"]) / 2
    for row in local["shifts"]:
        parts = row["breakdown"]
        assert {"Conv2d forward", "classifiers", "loss", "SGD", "rest"} <= set(parts)
        assert 0 < parts["rest"] < sum(parts.values())
    assert 0 < local["saved"]["bytes"] < local["saved"]["backprop_bytes"] == bp["saved"]["bytes"]
    for algorithm in (bp, local):  # no more than the layers of the largest block need
        assert 0.5 < algorithm["saved"]["of_own"] < 1.1
    assert local["peak_memory"].keys() == {"minilocal"}
    sgemm = results["sgemm"]
    assert sgemm["flops"] == max(sgemm["start"], sgemm["end"]) > 0

    seconds = results["figure10"]["seconds"]
    assert list(seconds) == ["edge", "cpu", "gpu", "npu", "here, measured"]
    assert seconds["here, measured"] == {
        "BP": bp["shifts"][0]["minilocal"]["median"],
        "G2S1": local["mean"]["minilocal"]["median"],
    }
    macs = {algo: algorithm_costs(architecture("vgg8b", 0.0625), algo).macs for algo in ("BP", "G2S1")}
    assert seconds["cpu"] == pytest.approx({algo: 8 * n / 0.2e12 for algo, n in macs.items()})  # BP computes longer

    lines = render(results).splitlines()
    table = lines[next(i for i, line in enumerate(lines) if line.startswith("a step, estimated")) :]
    assert table[0].split() == ["a", "step,", "estimated", "BP", "G2S1"]
    assert table[2].endswith(f"{macs['BP'] / macs['G2S1']:.2f}×")


def test_a_local_algorithm_against_pytorch_in_tables(monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setattr(peers, "find_library", lambda name: None)
    options = read([*TINY, "--algo", "G3", "--against", "torch", "--steps", "1", "--compile-seconds", "0"])
    plans = {algo: plan_steps(algo, **options.network) for algo in ("BP", "G3")}
    results = {
        "about": {"title": options.title, "options": {"steps": 1}, "versions": {"minilocal": "0"}},
        "sgemm": {"size": 2, "start": 1e11, "end": 2e11, "flops": 2e11},
        "steps": timing.time_plans([plans["G3"]], plans["BP"], options),
    }
    add_rates(results, options.batch_size)
    (local,) = results["steps"]
    (row,) = local["shifts"]
    check_rates(row["torch"])
    assert row["speedup"]["torch"] == pytest.approx(row["torch"]["median"] / row["minilocal"]["median"])
    assert row["speedup"]["torch_bp"] != row["speedup"]["torch"]
    (peer,) = local["contest"]["peers"]
    assert (peer["name"], peer["layout"] in ("NCHW", "channels_last")) == ("eager", True)
    assert local["contest"]["missing"].keys() == {"jemalloc", "tcmalloc"}
    assert local["peak_memory"].keys() == {"minilocal", "torch"}

    lines = render(results).split("\n")
    assert lines[0] == "vgg8b × 0.0625, batches of 8, 2 threads, median of 1 round; minilocal 0"
    assert lines[1].startswith("this machine's SGEMM: 200 GFLOP/s (np.matmul, float32, 2²; 100 at the start")
    ours, theirs = (line.split() for line in lines[4:6])
    assert (ours[:2], theirs[0]) == (["G3", "minilocal"], "PyTorch")
    assert ours[-1].endswith("×")
    assert ours[-2].endswith("×")
    assert any(line.startswith("G3") and line.endswith(f"{peer['layout']}    eager") for line in lines)
    kinds = [line[:24].strip() for line in lines]
    first = kinds.index("Conv2d forward")
    assert kinds[first : first + 3] == ["Conv2d forward", "Conv2d weight gradient", "Conv2d input gradient"]
    assert first < kinds.index("classifiers") < kinds.index("together")


def test_layers_against_pytorch(capsys):
    pytest.importorskip("torch")
    out, err = run(capsys, "--per-layer", "--against", "torch", "--steps", "1")
    lines = out.split("\n")
    for name in ("forward", "weight gradient", "input gradient"):
        start = next(i for i, line in enumerate(lines) if line.startswith(f"{name} "))
        rows = [line.split() for line in lines[start + 1 : start + 9]]
        assert [row[0] for row in rows] == ["layer"] * 7 + ["A_7"]
        assert rows[0][2:4] == ["32×32×3", "3×3×3×8"]
        assert rows[0][-1] in ("NCHW", "channels_last")
        assert rows[-1][-1] == "vectors"
    assert "layer 1: 1 round\n" in err


def test_layers_with_their_sizes():
    network = ml.build_network("3 5 M", [7], (4, 4, 2), 10, "BP")
    rows = [tuple(sizes.values()) for sizes, _ in our_side.products(network)]
    assert rows == [
        ("layer 1", (4, 4, 2), (4, 4, 3), (3, 3, 2, 3), "im2col", 864),
        ("layer 2", (4, 4, 3), (4, 4, 5), (3, 3, 3, 5), "im2col", 2160),
        ("layer 3", (20,), (7,), (20, 7), "matmul", 140),
        ("A_3", (7,), (10,), (7, 10), "matmul", 70),
    ]


def test_compilation_is_announced(capsys, monkeypatch):
    def compiles(say):
        say("compiling the kernels")
        return contextlib.nullcontext()

    monkeypatch.setattr(our_side, "on_compilation", compiles)
    our_side.OurSteps("BP", 4, 2, model="vgg8b", width=0.0625).step([])
    assert capsys.readouterr().err.startswith("compiling the kernels")


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        ("--batch-size 1", "--batch-size is 1; it must be at least 2"),
        ("--steps 0", "--steps is 0"),
        ("--threads 0", "--threads is 0"),
        ("--algo G3S3", "G3S3 shifts by 3 layers"),
        ("--algo fast", "algorithm 'fast' is unknown"),
        ("--algo BP G9", "G9 has blocks of 9 layers, but the network has 7"),
        ("--width 0.3", "width is 0.3, which leaves 38.4 channels of vgg8b's 128; choose one that leaves whole"),
        ("--per-layer --plot a.png", "--plot draws step times; name the algorithms with --algo"),
        ("--plot no/such/folder/a.png", "--plot: 'no/such/folder/a.png' can't be written (No such file"),
        ("--figure10 no/such/folder/a.png", "--figure10: 'no/such/folder/a.png' can't be written (No such"),
        ("--figure10 tests", "--figure10: 'tests' can't be written (Is a directory)"),
        ("--plot a.png --figure10 a.png", "--plot and --figure10 are both a.png; choose two files"),
        ("--figure10 a.png --algo G1", "--figure10 compares with BP; add BP to --algo"),
        ("--workers 0", "--workers is 0; it must be at least 1"),
        ("--workers 2 --threads 2", "--threads has no effect on --workers, which is measured by itself"),
        ("--compile-seconds 5", "--compile-seconds has no effect without --against torch; leave it out"),
        ("--workers 2 --per-layer", "--per-layer has no effect on --workers"),
        ("--workers 2 --algo BP", "(backward locking)"),
    ],
)
def test_bad_options(argv, sentence, capsys, processes):
    assert main([*TINY[:-2], *argv.split()]) == 2
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert not processes


@pytest.mark.parametrize("argv", ["--steps many", "--against jax", "--algo", "--classifier a3"])
def test_options_that_the_parser_refuses(argv, capsys):
    with pytest.raises(SystemExit) as stop:
        main(argv.split())
    assert stop.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_without_pytorch(capsys, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main([*TINY, "--against", "torch"]) == 2
    assert capsys.readouterr().err == (
        "minilocal.bench: --against torch needs PyTorch, which is not installed; run `pip install torch`\n"
    )


def interrupted(ours, plan):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("warm_up", "status", "sentence"),
    [(lambda ours, plan: ours.process.kill(), 1, "the minilocal process died"), (interrupted, 130, "interrupted")],
)
def test_a_killed_worker_and_ctrl_c_end_the_command(capsys, monkeypatch, processes, warm_up, status, sentence):
    monkeypatch.setattr(timing, "warm_up", warm_up)
    assert main([*TINY, "--algo", "BP"]) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[-1].startswith(f"minilocal.bench: {sentence}")
    assert len(processes) == 2  # and the fixture sees that both have ended


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(12.345, "12.3 s"), (1.2345, "1.23 s"), (0.12345, "123 ms"), (2e-6, "2.00 µs"), (0, "0.00 µs")],
)
def test_duration(seconds, text):
    assert duration(seconds) == text
