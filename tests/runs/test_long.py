"""In long runs memory does not grow, measured in a process of its own, whose memory nothing else uses."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

CODE = """
    import sys
    from pathlib import Path

    import numpy as np

    from minilocal.datasets.prepare import prepare
    from minilocal.datasets import Dataset
    from minilocal.runs.directory import RunDirectory
    from minilocal.runs.record import train_into
    from minilocal.training.recipe import Recipe
    from minilocal.training.trainer import Trainer
    from minilocal.networks.vgg import build_network

    steps, run = int(sys.argv[1]), RunDirectory(Path(sys.argv[2]))
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 255, (640, 16, 16, 3)).astype(np.uint8), np.arange(640) % 10
    data = prepare(Dataset("noise", x, y, x[:64], y[:64], tuple("abcdefghij"), flip=True))
    network = build_network("16 M 32 M", [32], data.image_shape, 10, "G2S1", features=128)
    trainer = Trainer(network, data, Recipe(algo="G2S1", epochs=steps // 20, batch_size=32))
    pages = []
    trainer.on_step = lambda *_: pages.append(int(Path("/proc/self/statm").read_text().split()[1]))
    list(train_into(run, trainer, checkpoint_every=7))
    print(*pages)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("steps", [200, pytest.param(2000, marks=pytest.mark.slow)])
def test_memory_does_not_grow(tmp_path, steps):
    """After the first tenth of the steps it grows by at most 2 %, with checkpoints, evaluations and tables."""
    command = [sys.executable, "-c", textwrap.dedent(CODE), str(steps), tmp_path]
    pages = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert len(pages) == steps
    later = [*map(int, pages[steps // 10 :])]
    print(f"{min(later)} to {max(later)} pages")
    assert max(later) <= 1.02 * min(later)
