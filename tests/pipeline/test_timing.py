import pytest

from minilocal.pipeline.timing import BlockClock, block_seconds


@pytest.mark.parametrize(("algo", "blocks"), [("G1", {0: 5}), ("G3S2", {0: 2, 2: 1})])
def test_every_block_is_timed_at_every_shift_and_nothing_is_trained(trainer, bits, algo, blocks):
    mine = trainer(algo)
    before = bits(mine)
    seconds = block_seconds(mine, repeats=2)
    assert {shift: len(times) for shift, times in seconds.items()} == blocks
    assert all(0 < time < 10 for times in seconds.values() for time in times)
    assert bits(mine) == before


def test_medians_leave_the_first_step_out(trainer, monkeypatch):
    taken = iter([[9.0, 9.0], [1.0, 4.0], [2.0, 5.0], [8.0, 0.0]])
    monkeypatch.setattr(BlockClock, "step", lambda self, epoch: next(taken))
    assert block_seconds(trainer("G3"), repeats=3) == {0: [2.0, 4.0]}
