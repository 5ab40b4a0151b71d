"""The second process compiles what a training needs, and nothing else."""

import numpy as np

from minilocal.compute.compilation import on_compilation
from minilocal.layers import BatchNorm, BatchNormReLUDropout, Conv2d, MaxPool2d
from minilocal.layers.pooling import AvgPool2d
from minilocal.optim import SGD
from minilocal.runs import warm


def train(layer, channels):
    x = np.ones((4, 8, 8, channels), np.float32)
    layer.backward(layer.forward(x, training=True), need_dx=False)
    SGD().update(layer)


def test_the_second_process_compiles_the_kernels_of_a_training_step_and_no_others():
    for layer, channels in (
        (Conv2d(1, 16, rng=0), 1),
        (Conv2d(16, 32, rng=0), 16),
        (BatchNorm(16), 16),
        (MaxPool2d(2), 16),
    ):
        train(layer, channels)
    for layer in (BatchNorm(16), BatchNormReLUDropout(16, 0.2), MaxPool2d(2), AvgPool2d(2)):
        layer.backward(layer.forward(np.ones((4, 8, 8, 16), np.float32), training=True))
    compiled = []
    with on_compilation(lambda sentence: None, lambda: compiled.append(1)):
        warm.compile_backward()
    assert not compiled, "compile_backward calls a kernel with arguments of other types than training does"


def test_it_starts_when_compiling_begins_and_is_gone_in_the_end(monkeypatch):
    said, commands = [], []

    class Process:
        def __init__(self, command, **streams):
            commands.append(command)

        terminate = wait = lambda self: commands.append("end")

    monkeypatch.setattr(warm.subprocess, "Popen", Process)
    monkeypatch.setattr(warm, "available_threads", lambda: 2)
    with warm.helped(said.append) as say:
        assert not commands
        say("compiling")
        say("again")
        assert len(commands) == 1
    assert said == ["compiling", "again"]
    assert commands[1:] == ["end", "end"]
    compile(commands[0][2], "command", "exec")
