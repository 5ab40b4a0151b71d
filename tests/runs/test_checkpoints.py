import pytest

from minilocal.errors import InputError, TrainingError
from minilocal.runs import sealed
from minilocal.runs.checkpoints import Checkpoints
from minilocal.training.results import Position


def write(history, place, previous=None, keep=1):
    history.write({}, {"place": place}, Position(*place), previous and Position(*previous), keep)


def place(arrays, about):
    assert arrays == {}
    return tuple(about["place"])


def names(history):
    return sorted(path.name for path in history.directory.iterdir())


@pytest.fixture
def history(tmp_path):
    return Checkpoints(tmp_path)


def test_older_checkpoints_are_kept_beside_the_newest(history):
    places = [(0, 0), (0, 5), (1, 0), (2, 0), (10, 0)]
    for previous, new in zip([None, *places], places, strict=False):
        write(history, new, previous, keep=2)
        assert history.read(place) == new
    assert names(history) == ["checkpoint-epoch1.npz", "checkpoint-epoch2.npz", "checkpoint.npz"]
    assert [*history.older()] == [(2, 0), (1, 0)]
    for position, path in history.older().items():
        assert sealed.read(path)[1]["place"] == list(position)


def test_a_newest_checkpoint_at_an_unknown_position_is_not_kept(history):
    history.newest.write_bytes(b"damaged")
    write(history, (2, 0), None)
    assert names(history) == ["checkpoint.npz"]


def test_checkpoints_at_the_same_or_later_positions_are_removed(history):
    for name in (
        "checkpoint-epoch1.npz",
        "checkpoint-epoch2-step3.npz",
        "checkpoint-epoch9.npz",
        "checkpoint-mine.npz",
    ):
        (history.directory / name).touch()
    write(history, (2, 3), None, keep=5)
    assert names(history) == ["checkpoint-epoch1.npz", "checkpoint-mine.npz", "checkpoint.npz"]


def test_without_checkpoints_nothing_is_read(history, tmp_path):
    assert history.read(place) is None
    assert history.read_good(place) is None
    assert Checkpoints(tmp_path / "absent").read_good(place) is None


def test_only_read_good_skips_a_damaged_checkpoint(history, capsys):
    write(history, (1, 0))
    write(history, (2, 0), (1, 0))
    history.newest.write_bytes(history.newest.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"checkpoint\.npz is not a complete checkpoint"):
        history.read(place)
    assert capsys.readouterr().err == ""
    assert history.read_good(place) == (history.directory / "checkpoint-epoch1.npz", (1, 0))
    assert (
        "checkpoint.npz is not a complete checkpoint: its end is missing; checkpoint-epoch1.npz is used instead\n"
        in (capsys.readouterr().err)
    )


def test_read_good_also_skips_a_checkpoint_that_does_not_fit(history):
    write(history, (1, 0))
    write(history, (2, 0), (1, 0))

    def fits(arrays, about):
        if about["place"] != [1, 0]:
            raise InputError("it is of 2")
        return place(arrays, about)

    assert history.read_good(fits)[1] == (1, 0)
    with pytest.raises(InputError, match=r"checkpoint\.npz does not fit the run's configuration: it is of 2"):
        history.read(fits)


def test_a_failed_write_leaves_the_newest_where_it_was(history, monkeypatch):
    write(history, (1, 0))
    before = history.newest.read_bytes()

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("minilocal.runs.sealed.np.savez", fail)
    with pytest.raises(TrainingError, match="No space left on device"):
        write(history, (2, 0), (1, 0))
    assert names(history) == ["checkpoint.npz"]
    assert history.newest.read_bytes() == before
