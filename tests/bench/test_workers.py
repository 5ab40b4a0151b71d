"""Workers in the benchmark, on a network so small that a step takes milliseconds."""

import json
import multiprocessing

import pytest

from minilocal.bench import workers
from minilocal.bench.__main__ import main
from minilocal.bench.rates import add_worker_rates
from minilocal.bench.text import WORKERS_NOTE, render
from minilocal.pipeline.plan import make_plan

TINY = ["--model", "vgg8b", "--width", "0.0625", "--batch-size", "8", "--steps", "1"]


def test_workers_are_measured_where_there_are_processors_and_simulated_elsewhere(capsys, monkeypatch):
    monkeypatch.setattr(workers, "STEPS", 3)
    monkeypatch.setattr(workers, "available_threads", lambda: 2)
    assert main([*TINY, "--workers", "3", "2", "--algo", "g2s1", "--json"]) == 0
    assert multiprocessing.active_children() == []
    results = json.loads(capsys.readouterr().out)
    assert results["about"]["options"]["threads"] == 1
    (algorithm,) = results["workers"]
    assert algorithm["algo"] == "G2S1"
    assert [row["blocks"] for row in algorithm["shifts"]] == [["1-2", "3-4", "5-6", "7"], ["2-3", "4-5", "6-7"]]
    blocks = sum(sum(row["seconds"]) for row in algorithm["shifts"]) / 2
    one, two, three = algorithm["rows"]
    assert [row["workers"] for row in (one, two, three)] == [1, 2, 3]
    assert (one["bound"], one["speedup"], one["of_one"]) == (1, 1, 1)
    assert one["simulated"] == pytest.approx(blocks)
    assert 1 < two["bound"] <= three["bound"] <= 3
    assert two["simulated"] >= blocks / two["bound"]  # passing features on takes time
    assert 0 < two["median"] < 1
    assert "median" not in three
    assert three["against_bp"] == algorithm["backprop"]["median"] / three["simulated"]
    assert three["bytes"] <= two["bytes"] < one["bytes"]


def test_memory_is_that_of_own_layers_and_of_the_largest_block(monkeypatch):
    trainer = workers.build("G1", steps=1, batch_size=8, model="vgg8b", width=0.0625)
    layers = [
        sum(a.nbytes for a in (*layer.params.values(), *layer.state.values())) for layer in trainer.network.layers
    ]
    momentum = [sum(a.nbytes for a in layer.params.values()) for layer in trainer.network.layers]
    plans = {n: make_plan(trainer.recipe.schedule, 7, {0: [1.0] * 7}, n) for n in (1, 7)}
    memory = workers._memory(trainer, plans)
    assert memory[1] > sum(layers) + sum(momentum)
    assert max(layers) + max(momentum) < memory[7] < memory[1]


@pytest.fixture
def algorithm():
    apart = {"shares": {0: ["[1]", "[2]"]}, "bound": 2.0, "bytes": 1e6}
    rows = [
        {"workers": 1, "shares": {0: ["[1] [2]"]}, "bound": 1.0, "simulated": 0.3, "seconds": [0.4, 0.3], "bytes": 2e6},
        {"workers": 2, "simulated": 0.19, "seconds": [0.2, 0.2]} | apart,
        {"workers": 9, "simulated": 0.15, "seconds": None} | apart,
    ]
    shifts = [{"shift": 0, "blocks": ["1", "2"], "seconds": [0.1, 0.2]}]
    algorithm = {"algo": "G1", "backprop": [0.5, 0.5], "shifts": shifts, "rows": rows}
    add_worker_rates(algorithm)
    return algorithm


def test_ratios_are_medians_over_the_rounds(algorithm):
    one, two, nine = algorithm["rows"]
    assert two["speedup"] == pytest.approx((2 + 1.5) / 2)
    assert two["of_bound"] == pytest.approx(1.75 / 2)
    assert two["simulation_error"] == pytest.approx(-0.05)
    assert two["against_bp"] == 2.5
    assert nine["against_bp"] == pytest.approx(0.5 / 0.15)
    assert nine["simulated_speedup"] == pytest.approx(2)
    assert (one["of_one"], two["of_one"]) == (1, 0.5)


def test_as_tables(algorithm):
    about = {"title": "vgg8b", "options": {"steps": 2}, "versions": {"minilocal": "0"}}
    text = render({"about": about, "workers": [algorithm]})
    assert text.startswith("vgg8b, median of 2 rounds; minilocal 0\n\n")
    assert text.endswith(WORKERS_NOTE)
    lines = text.splitlines()[2:]
    assert lines[:3] == [
        "G1: time of each block in a step, on one thread (a step of BP: 500 ms)",
        "  shift 0: [1] 100 ms, [2] 200 ms",
        "  2 workers, shift 0: [1] | [2]",
    ]
    assert " ".join(lines[5].split()) == "1 350 ms 1.00× 1.00× 100 % 300 ms -14 % 1.46× 2.0 100 %"
    assert " ".join(lines[6].split()) == "2 200 ms 1.75× 2.00× 88 % 190 ms -5 % 2.50× 1.0 50 %"
    assert " ".join(lines[7].split()) == "9 2.00× 150 ms 3.33× 1.0 50 %"
