"""Training in forked processes and in any thread gives the same bits, and leaves others' arrays and threads alone."""

import multiprocessing
import os
import sys
import threading
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from minilocal.compute import memory, parallel
from minilocal.networks.vgg import build_network
from minilocal.optim import SGD
from minilocal.schedule import parse
from minilocal.steps import local_step

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
# Python warns of forks beside threads from 3.12 on; that they are safe here is what is tested.
may_fork = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


def trained(steps=3):
    """Train a network whose activations come from `memory`; return its weights as bytes."""
    network = build_network("16 M 32", [16], (16, 16, 3), 4, "G2S1", features=64)
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((32, 16, 16, 3)).astype(np.float32), rng.integers(0, 4, 32)
    optimizer = SGD()
    for step in range(steps):
        local_step(network, parse("G2S1").blocks_at(step, 3), x, labels, optimizer, step=step)
    return b"".join(array.tobytes() for array in network.arrays().values())


def in_thread(function):
    """Return what a function returns in another thread."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


def blas_threads():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


@forks
@may_fork
def test_forked_children_train_like_their_parent_and_leave_its_arrays_alone():
    expected = trained()
    mine = memory.empty((256, 1024), np.float32)
    mine[...] = 1
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(trained, [3] * 4) == [expected] * 4
    assert trained() == expected
    assert (mine == 1).all()


@forks
@may_fork
def test_a_childs_write_does_not_reach_its_parent():
    mine = memory.empty((256, 1024), np.float32)
    mine[...] = 1
    if (child := os.fork()) == 0:
        mine += 1
        os._exit(0)
    os.waitpid(child, 0)
    assert (mine == 1).all()


@forks
@may_fork
@pytest.mark.skipif(sys.platform == "darwin", reason="BLAS on macOS does not survive forks")
def test_a_fork_while_another_thread_trains_does_not_hang():
    expected, done = trained(), threading.Event()

    def train():
        while not done.is_set():
            trained(1)

    thread = threading.Thread(target=train)
    thread.start()
    try:
        for _ in range(20):
            if (child := os.fork()) == 0:
                os._exit(0 if trained() == expected else 1)
            deadline = time.monotonic() + 60
            while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
                if time.monotonic() > deadline:
                    os.kill(child, 9)
                time.sleep(0.002)
            assert ended[1] == 0
    finally:
        done.set()
        thread.join()


def test_a_fork_within_a_step_keeps_the_limit_of_its_own_thread():
    with parallel.one_blas_thread():
        parallel._after_fork()
        assert parallel._holders == 1
        assert set(blas_threads()) == {1}
    assert parallel._holders == 0


def test_any_thread_trains_to_the_same_bits_and_gives_blas_its_threads_back():
    before, expected = blas_threads(), trained()
    assert in_thread(trained) == expected
    assert blas_threads() == before

    def owner():  # the first thread that sets a limit owns it, as long as it lives
        with threadpool_limits(2, user_api="blas"):
            within = in_thread(trained)
        return within, trained()

    assert in_thread(owner) == (expected, expected)
    assert blas_threads() == before


def test_two_networks_train_in_two_threads_at_once():
    before, expected, results = blas_threads(), trained(10), []
    threads = [threading.Thread(target=lambda: results.append(trained(10))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 2
    assert blas_threads() == before


def test_blas_has_one_thread_within_whichever_thread_began_it():
    def within():
        with parallel.one_blas_thread():
            return blas_threads()

    with threadpool_limits(2, user_api="blas"):
        assert set(within()) == set(in_thread(within)) == {1}
