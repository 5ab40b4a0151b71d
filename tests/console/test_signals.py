import signal

import pytest

from minilocal.console.signals import TERMINATE, TERMINATIONS, noted, termination_raised
from minilocal.errors import Interrupted


@pytest.mark.parametrize("number", TERMINATIONS)
def test_a_signal_is_noted_or_raised_and_the_handlers_come_back(number):
    before = [signal.getsignal(number) for number in (signal.SIGINT, TERMINATE)]
    status = 143 if number == TERMINATE else 128 + number
    with noted() as stop:
        assert stop.status == 0
        signal.raise_signal(number)
        assert stop.status == status
    with termination_raised(), pytest.raises(Interrupted) as stopped:
        signal.raise_signal(number)
    assert stopped.value.status == status
    assert [signal.getsignal(number) for number in (signal.SIGINT, TERMINATE)] == before


def test_ctrl_c_says_what_happens_and_the_next_one_ends_the_process(capfd):
    with noted() as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.status == 130
        assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL
    assert "Ctrl-C again stops at once" in capfd.readouterr().err
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_blocks_may_close_in_any_order():
    """Runs in a notebook may be abandoned in any order."""
    before = signal.getsignal(signal.SIGINT)
    first, second = noted(), noted()
    stops = [first.__enter__(), second.__enter__()]
    first.__exit__(None, None, None)
    signal.raise_signal(TERMINATE)
    assert [stop.status for stop in stops] == [0, 143]
    second.__exit__(None, None, None)
    assert signal.getsignal(signal.SIGINT) == before


def test_a_signal_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with noted() as stop:
            signal.raise_signal(signal.SIGINT)
            assert stop.status == 0
    finally:
        signal.signal(signal.SIGINT, before)


def test_termination_can_be_raised_and_noted():
    with termination_raised(), termination_raised():
        with noted() as noticed:
            signal.raise_signal(TERMINATE)
        assert noticed.status == 143
        with pytest.raises(Interrupted) as stop:
            signal.raise_signal(TERMINATE)
    assert stop.value.status == 143
    assert signal.getsignal(TERMINATE) == signal.SIG_DFL
