import gc
import tracemalloc

import numpy as np
import pytest

from minilocal.compute import memory
from minilocal.networks.vgg import build_network
from minilocal.optim import SGD
from minilocal.schedule import parse
from minilocal.steps import backprop_step, local_step


@pytest.fixture(autouse=True)
def nothing_free():
    """Each test starts without free blocks, whatever ran before."""
    gc.collect()
    memory._free.clear()
    memory._most_in_use = memory.bytes_in_use()


def address(array):
    return array.__array_interface__["data"][0]


def test_a_block_is_used_again_once_nothing_refers_to_it():
    a = memory.empty((300, 1000), np.float32)
    place, view = address(a), a[3:].T
    del a
    assert address(memory.empty((300, 1000), np.float32)) != place  # the view still needs it
    view[...] = 1
    other = memory.empty((300, 1000), np.float32)
    del view
    assert address(memory.empty((1000, 300), np.float32)) == place  # another shape of the same size
    assert address(other) != place


def test_two_arrays_never_share(rng):
    arrays = []
    for _ in range(300):
        arrays.append(memory.empty((int(rng.integers(1, 4)), 40_000), np.float32))
        arrays[-1][...] = len(arrays)
        values = [(array, array[0, 0]) for array in arrays]
        if len(arrays) > 5:
            del arrays[int(rng.integers(0, 5))]
        assert all((array == value).all() for array, value in values)
        del values


def test_shapes_dtypes_and_small_arrays():
    for shape, dtype in (((0, 3), np.float32), ((2, 3), np.float64), ((50, 1000, 4), np.uint8), ((1 << 15,), "f8")):
        array = memory.empty(shape, dtype)
        assert (array.shape, array.dtype) == (shape, np.dtype(dtype))
        assert array.flags.c_contiguous
        assert array.flags.writeable
        assert memory.empty_like(array).shape == shape


def test_blocks_of_sizes_no_longer_used_go_back_to_the_system():
    for size in range(20):
        memory.empty((100_000 + size,), np.float64)
    assert memory.bytes_free() < 5 * 8 * 100_020


def test_blocks_in_use_are_counted():
    before = memory.bytes_in_use()
    array = memory.empty((1000, 1000), np.float32)
    view = array[5:]
    del array
    assert memory.bytes_in_use() == before + 4_000_000
    del view
    assert (memory.bytes_in_use(), memory.bytes_free()) == (before, 4_000_000)


def test_running_out_of_memory_is_a_memory_error():
    with pytest.raises(MemoryError):
        memory.empty((1 << 60,), np.uint8)


@pytest.mark.parametrize("algo", ["BP", "G1", "G3S2"])
def test_later_steps_make_no_large_allocation(algo, rng, monkeypatch):
    """After some steps, no further step allocates anything as large as an activation, anywhere."""
    network = build_network("16 16 M 32 32", [16], (16, 16, 3), 3, algo, features=64)
    x, labels = rng.standard_normal((64, 16, 16, 3)).astype(np.float32), rng.integers(0, 3, 64)
    optimizer = SGD()

    def step(epoch):
        if algo == "BP":
            backprop_step(network, x, labels, optimizer)
        else:
            local_step(network, parse(algo).blocks_at(epoch, len(network)), x, labels, optimizer)

    for epoch in range(6):
        step(epoch)
    monkeypatch.setattr(memory, "_fresh", lambda size: pytest.fail(f"{size} more bytes from the system"))
    tracemalloc.start()
    for epoch in range(2):
        step(epoch)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000  # an activation takes 1 MiB
