import pytest

from minilocal.pipeline.simulate import Load, pace, simulate


def ends(loads, steps, worker, **options):
    return [span.ended for span in simulate(loads, steps, **options) if span.worker == worker]


def test_one_worker_takes_the_sum_of_its_load():
    assert ends([Load(2, 1, 5)], 3, 0) == [8, 16, 24]  # which includes passing features on


def test_a_slow_second_worker_delays_the_first():
    """Worker 1 passes on after 1 s and needs a free slot: worker 2 must have finished its first block of two steps ago.

    step            0    1    2    3    4
    worker 2       1-5  5-9 9-13 13-17 …       first block done at 3, 7, 11, 15
    worker 1 ends   1    2    3    7   11      steps 2, 3, 4 wait for slots freed at 3, 7, 11
    """
    loads = [Load(1), Load(2, 2)]
    assert ends(loads, 5, 0) == [1, 2, 3, 7, 11]
    assert ends(loads, 5, 1) == [5, 9, 13, 17, 21]
    assert ends(loads, 5, 0, slots=3) == [1, 2, 3, 4, 7]


def test_a_slow_first_worker_sets_the_pace():
    loads = [Load(2, 1, 1), Load(1, 1)]
    assert ends(loads, 3, 0) == [4, 8, 12]
    assert ends(loads, 3, 1) == [6, 10, 14]
    assert pace(ends(loads, 10, 1), filling=2) == 4


@pytest.mark.parametrize("loads", [[3, 4, 5], [5, 1, 4], [2, 5, 2, 5]])
def test_the_slowest_worker_sets_the_pace(loads):
    assert pace(ends([Load(seconds) for seconds in loads], 30, len(loads) - 1), filling=len(loads)) == max(loads)
