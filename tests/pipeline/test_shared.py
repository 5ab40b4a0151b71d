import errno
import os
import re
import subprocess
import sys
import threading
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from minilocal.errors import InputError, LostWorkerError
from minilocal.pipeline.shared import SharedTransport, close, join
from minilocal.pipeline.transport import CHUNK, ROOT, SLOTS

CONTEXT = get_context("spawn")


@pytest.fixture
def pair():
    """Transports of the root and of worker 0, in one process, with slots of a chunk."""
    memory, ends = join(CONTEXT, {(ROOT, 0): CHUNK, (0, ROOT): CHUNK})
    yield tuple(SharedTransport(member, memory, ends[member]) for member in (ROOT, 0))
    for member in (ROOT, 0):
        close(ends[member])
    memory.close()
    memory.unlink()


def test_messages_arrive_in_order_and_arrays_are_read_in_their_slots(pair, rng):
    root, worker = pair
    arrays = [rng.standard_normal((3, 5)).astype(np.float32), rng.integers(0, 9, (4, 2, 2))]
    root.send(0, "first", arrays[0])
    root.send(0, "second")
    root.send(0, "third", arrays[1])
    message, got = worker.receive(ROOT)
    assert message == "first"
    np.testing.assert_array_equal(got, arrays[0])
    place = got.__array_interface__["data"][0]
    assert place % 64 == 0
    del got
    worker.release(ROOT)
    worker.release(ROOT)  # nothing is left to release
    assert worker.receive(ROOT) == ("second", None)
    message, got = worker.receive(ROOT)
    np.testing.assert_array_equal(got, arrays[1])
    assert got.__array_interface__["data"][0] == place + CHUNK  # the next slot
    del got
    worker.release(ROOT)
    worker.send(ROOT, {"an": "answer"})
    assert root.receive(0) == ({"an": "answer"}, None)


def test_a_sender_waits_until_a_slot_is_free(pair):
    root, worker = pair
    sent = []

    def send():
        for number in range(SLOTS + 1):
            root.send(0, number, np.full(7, number))
            sent.append(number)

    thread = threading.Thread(target=send)
    thread.start()
    for number in range(SLOTS + 1):
        if number == 1:
            thread.join(0.2)
            assert sent == list(range(SLOTS + 1))
        message, got = worker.receive(ROOT)
        if number == 0:
            thread.join(0.2)
            assert sent == list(range(SLOTS))  # the slot that is being read is not free
        assert (message, *set(got)) == (number, number)
        del got
        worker.release(ROOT)
    thread.join()
    assert root.waited > 0.1


def test_layers_of_any_size_are_sent_in_chunks(pair, rng):
    root, worker = pair
    arrays = [
        rng.standard_normal(shape).astype(np.float32) for shape in ((3, 3, 64, 600), (5,), (0, 4), (CHUNK // 4, 1))
    ]
    got = [np.empty_like(array) for array in arrays]
    thread = threading.Thread(target=worker.receive_into, args=(ROOT, got))
    thread.start()
    assert root.send_all(0, arrays) == sum(array.nbytes for array in arrays)
    thread.join()
    for a, b in zip(arrays, got, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_lost_process_is_noticed(pair):
    root, worker = pair
    worker.source[ROOT].pipe.close()
    worker.to[ROOT].pipe.close()
    with pytest.raises(LostWorkerError, match="another process is gone"):
        root.receive(0)
    with pytest.raises(LostWorkerError):
        root.send(0, "anybody there?")


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "try a smaller batch or fewer workers, raise the limit"),
        (errno.EMFILE, "try fewer workers, or"),
    ],
)
def test_too_little_shared_memory_is_an_error_before_training(monkeypatch, number, remedy):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    place = Path("/dev/shm")
    if not place.exists():
        pytest.skip("memory is only set aside through /dev/shm")
    monkeypatch.setattr(os, "posix_fallocate", refuse)
    says = rf"can't provide 6 MB of shared memory .* \({os.strerror(number)}\); {remedy}"
    with pytest.raises(InputError, match=says):
        join(CONTEXT, {(0, 1): 3 * 10**6})
    assert not [*place.glob(f"minilocal-{os.getpid()}-*")]


UNDER_LIMITS = """
import os, resource
from minilocal.errors import InputError
from minilocal.pipeline.shared import close, join
from multiprocessing import get_context

first = os.dup(0)
os.close(first)
for more in range(1, 25):
    if os.fork() == 0:
        resource.setrlimit(resource.RLIMIT_NOFILE, (first + more, first + more))
        try:
            memory, _ = join(get_context("spawn"), {(0, 1): 1, (1, 2): 1})
            memory.unlink()
            print("enough")
        except InputError as error:
            os.close(os.dup(0))  # what was opened is closed again
            print(error)
        os._exit(0)
    os.wait()
"""


@pytest.mark.skipif(not Path("/dev/shm").exists(), reason="shared memory has no files here")
def test_too_many_open_files_are_named_and_no_shared_memory_is_left():
    """Whichever file is the first too many: processes share the limit with all that they have opened."""
    before = {*Path("/dev/shm").glob("minilocal-*")}
    result = subprocess.run([sys.executable, "-uc", UNDER_LIMITS], capture_output=True, text=True, check=True)
    lines = result.stdout.splitlines()
    assert len(lines) == 24
    assert lines[0].startswith("the workers need 2 pipes")
    assert lines[-1] == "enough"
    says = (
        r"(the workers need|the system can't provide) .* \(Too many open files\); .* limit on open files \(ulimit -n\)"
    )
    assert all(line == "enough" or re.fullmatch(says, line) for line in lines)
    assert {*Path("/dev/shm").glob("minilocal-*")} == before


def test_too_few_pipes_are_an_error_and_leave_no_shared_memory(monkeypatch):
    def refuse(*_):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(CONTEXT, "Pipe", refuse)
    monkeypatch.setattr("minilocal.pipeline.shared.SharedMemory", None)
    with pytest.raises(InputError, match=r"need 2 pipes \(Too many open files\)"):
        join(CONTEXT, {(0, 1): 1, (1, 0): 1})
