"""The witness, with lines of this process, which closes them as the system does when a process dies."""

import contextlib
import signal
import time

import pytest

from minilocal.errors import InputError
from minilocal.pipeline import witness


@contextlib.contextmanager
def two_lines(leftovers=()):
    """Two ranks' lines to a witness; a stranger has called it too."""
    process, address = witness.start(2, "127.0.0.1", "secret", map(str, leftovers))
    stranger = witness.Line(address, "guess?")
    lines = [witness.Line(address, "secret") for _ in range(2)]
    for number, line in enumerate(lines):
        line.say(f"rank {number}")
    time.sleep(0.2)
    yield lines
    for line in (stranger, *lines):
        line.connection.close()
    assert process.wait(10) == (1 if leftovers else 0)


def test_a_line_that_is_cut_is_named_and_the_others_hear_of_it(tmp_path, capfd):
    leftover = tmp_path / "segment"
    leftover.touch()
    with two_lines([leftover]) as (first, second):
        first.say("rank 0 ([1-3])")
        time.sleep(0.2)
        assert not second.is_cut
        first.connection.close()
        deadline = time.monotonic() + 10
        while not second.is_cut:
            assert time.monotonic() < deadline
    assert capfd.readouterr().err == "minilocal.train: rank 0 ([1-3]) died; the last good checkpoint is kept\n"
    assert not leftover.exists()


def test_nothing_is_said_when_all_say_good_bye(capfd):
    with two_lines() as (first, second):
        first.close()
        time.sleep(0.2)
        assert not second.is_cut
        second.close()
    assert capfd.readouterr().err == ""


def test_signals_do_not_end_the_witness_before_the_ranks(capfd):
    process, address = witness.start(1, "127.0.0.1", "secret", [])
    line = witness.Line(address, "secret")
    for number in (signal.SIGINT, signal.SIGTERM):
        process.send_signal(number)
    time.sleep(0.2)
    assert not line.is_cut
    line.close()
    assert process.wait(10) == 0


def test_a_name_that_leads_elsewhere_is_bad_input(capfd):
    with pytest.raises(InputError, match=r"can't meet at '192\.0\.2\.1'"):
        witness.start(2, "192.0.2.1", "secret", ())
    assert capfd.readouterr().err == ""
