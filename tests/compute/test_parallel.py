import os
import threading
import time
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_info

from minilocal.compute import parallel
from minilocal.errors import InputError


@given(st.integers(0, 500), st.integers(1, 10**7))
def test_chunks_tile_the_items_in_order(items, size):
    for chunks in (parallel.chunks(items, size), parallel.image_chunks(items, size), parallel.lanes(items)):
        assert [i for s in chunks for i in range(items)[s]] == list(range(items))
        assert all(s.stop > s.start for s in chunks)


def test_chunks_do_not_depend_on_threads():
    before = [f(100, 5000) for f in (parallel.chunks, parallel.image_chunks)]
    parallel.set_threads(7)
    assert before == [f(100, 5000) for f in (parallel.chunks, parallel.image_chunks)]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_every_chunk_runs_once_and_results_come_in_order(threads):
    parallel.set_threads(threads)
    seen = []
    assert parallel.run(lambda i: seen.append(i) or i * i, range(100)) == [i * i for i in range(100)]
    assert sorted(seen) == list(range(100))


def test_several_threads_really_work():
    barrier = threading.Barrier(2, timeout=10)  # breaks unless two chunks run at once
    assert len(set(parallel.run(lambda _: (barrier.wait(), threading.get_ident())[1], range(2)))) == 2


@pytest.mark.parametrize("threads", [1, 3])
def test_a_tasks_error_reaches_the_caller(threads):
    parallel.set_threads(threads)

    def task(i):
        if i == 5:
            raise ValueError("chunk 5")
        return i

    with pytest.raises(ValueError, match="chunk 5"):
        parallel.run(task, range(20))
    assert parallel.run(task, range(5)) == list(range(5))  # the pool survives


def test_nested_runs_do_not_deadlock():
    assert parallel.run(lambda i: sum(parallel.run(lambda j: i * j, range(4))), range(6)) == [6 * i for i in range(6)]


def blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_blas_is_held_to_one_thread_and_given_back():
    before = blas_threads()
    if not before:
        pytest.skip("threadpoolctl does not know this BLAS")
    with parallel.one_blas_thread():
        assert set(blas_threads()) == {1}
        parallel.run(lambda _: None, range(3))
        assert set(blas_threads()) == {1}
    assert blas_threads() == before
    assert {n for counts in parallel.run(lambda _: blas_threads(), range(3)) for n in counts} == {1}
    assert blas_threads() == before
    with pytest.raises(KeyError), parallel.one_blas_thread():
        raise KeyError
    assert blas_threads() == before


def products(rng, count, dtype):
    """Return pairs of matrices such as layers multiply: plain, transposed, in stacks, of odd sizes."""
    pairs = []
    for _ in range(count):
        m, k, n = rng.integers(1, 200, 3)
        a, b = rng.standard_normal((4, m, k)).astype(dtype), rng.standard_normal((4, n, k)).astype(dtype)
        pairs.append((a, b.transpose(0, 2, 1)) if rng.random() < 0.5 else (a[0], b[0].T))
    return pairs


def check_products(pairs, numbers_of_threads):
    parallel.set_threads(1)
    serial = parallel.run(lambda p: p[0] @ p[1], pairs)
    for threads in numbers_of_threads:
        parallel.set_threads(threads)
        for _ in range(5):
            assert all(map(np.array_equal, serial, parallel.run(lambda p: p[0] @ p[1], pairs)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_concurrent_products_equal_serial_ones(rng, dtype):
    check_products(products(rng, 200, dtype), [4])


@pytest.mark.slow
def test_concurrent_products_for_a_minute():
    for seed in range(20):
        check_products(products(np.random.default_rng(seed), 400, np.float32), [2, 4, 8, 16])


def test_sleeping_helpers_hold_on_to_no_arrays():
    def use():
        array = np.zeros(1000)
        parallel.run(lambda i: array[i], range(8))
        return weakref.ref(array)

    watched = use()
    for _ in range(100):  # a helper lets go a moment after it has reported its result
        if watched() is None:
            break
        time.sleep(0.01)
    assert watched() is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_starts_its_own_helpers():
    assert parallel.run(lambda i: i, range(4)) == [0, 1, 2, 3]
    child = os.fork()
    if child == 0:
        os._exit(0 if parallel.run(lambda i: i + 1, range(4)) == [1, 2, 3, 4] else 1)
    for _ in range(1000):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        time.sleep(0.01)
    else:
        os.kill(child, 9)
        pytest.fail("the forked process hangs")
    assert os.waitstatus_to_exitcode(status) == 0


def test_scratch_is_reused_per_thread_and_name():
    a = parallel.scratch("a", (3, 4), np.float32)
    assert np.shares_memory(a, parallel.scratch("a", (2, 2), np.float64))
    assert not np.shares_memory(a, parallel.scratch("b", (3, 4), np.float32))
    buffers = parallel.run(lambda _: (threading.get_ident(), parallel.scratch("a", (9,), np.float32)), range(8))
    assert len({b.__array_interface__["data"][0] for _, b in buffers}) == len({t for t, _ in buffers})


@pytest.mark.parametrize(("m", "k", "n"), [(1, 1, 1), (128, 64, 10), (10, 700, 300), (2000, 3, 5)])
def test_matmul(rng, m, k, n):
    a, b = rng.standard_normal((m, k)), rng.standard_normal((k, n))
    np.testing.assert_allclose(parallel.matmul(a, b), a @ b)
    np.testing.assert_allclose(parallel.matmul(b.T, a.T), (a @ b).T)


def test_at_least_one_thread():
    with pytest.raises(InputError, match="threads is 0"):
        parallel.set_threads(0)
    parallel.set_threads(None)
    assert parallel.get_threads() == parallel.available_threads() >= 1
