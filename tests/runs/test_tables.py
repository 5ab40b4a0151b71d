import errno
import math

import pytest

from minilocal.errors import InputError
from minilocal.runs import tables
from minilocal.runs.directory import RunDirectory
from minilocal.runs.tables import GRADIENTS, METRICS, TIMING
from minilocal.schedule import Block
from minilocal.training.evaluation import Score
from minilocal.training.results import BlockReport, EpochReport, LayerReport


def report(epoch, validation=False):
    held_out = {"test": Score(0.1 + 0.2, 0.5)} | ({"validation": Score(1.5, 0.25)} if validation else {})
    blocks = [
        BlockReport(Block(1, 2), Score(1 / 3, 0.75), held_out),
        BlockReport(Block(3, 3), Score(2.0, 1.0), held_out),
    ]
    layers = [LayerReport(layer, 1 if layer < 3 else 2, 0.25 * layer, 3.0) for layer in (1, 2, 3)]
    return EpochReport(epoch, 0, 0.05, blocks, layers, 64, 2.0, 0.5)


@pytest.fixture
def written(tmp_path):
    """Write three epochs' tables; return the function that gives the path of one."""
    texts = tables.empty()
    for epoch in (1, 2, 3):
        texts = tables.extended(texts, report(epoch, validation=True))
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return tmp_path.joinpath


def test_rows_are_read_as_they_were(written):
    rows = tables.read(written("metrics.csv"))
    assert len(rows) == 6
    assert rows[3] == dict(zip(METRICS, (2, 0, 2, 3, 3, 0.05, 2.0, 1.0, 1.5, 0.25, 0.1 + 0.2, 0.5), strict=True))
    rows = tables.read(written("gradients.csv"))
    assert rows[-1] == dict(zip(GRADIENTS, (3, 0, 3, 2, 0.75, 3.0), strict=True))
    assert tables.read(written("timing.csv"))[0] == dict(zip(TIMING, (1, 2.0, 0.5, 32.0), strict=True))


def test_without_validation_its_fields_are_left_out(tmp_path):
    (tmp_path / "metrics.csv").write_text(tables.extended(tables.empty(), report(1))["metrics.csv"])
    assert "validation_loss" not in tables.read(tmp_path / "metrics.csv")[0]


def test_a_block_without_class_scores_has_a_loss_alone(tmp_path):
    unscored = report(1)
    unscored.blocks[0] = BlockReport(Block(1, 2), Score(1 / 3, math.nan), {})
    (tmp_path / "metrics.csv").write_text(tables.extended(tables.empty(), unscored)["metrics.csv"])
    first, last = tables.read(tmp_path / "metrics.csv")
    assert first == dict(zip(METRICS, (1, 0, 1, 1, 2, 0.05, 1 / 3), strict=False))
    assert last["test_accuracy"] == 0.5


def test_a_table_without_rows_reads_as_an_empty_list(tmp_path):
    (tmp_path / "metrics.csv").write_text(tables.empty()["metrics.csv"])
    assert tables.read(tmp_path / "metrics.csv") == []


ROW = "1,0,1,1,2,0.1,2.0,0.5,,,2.0,0.5"
HEADER = ",".join(METRICS)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "breaks off within a line"),
        ("\n", "does not begin with the columns epoch,shift,block"),
        (HEADER, "breaks off within a line"),
        (f"{HEADER}\n{ROW}", "breaks off within a line"),
        (f"{HEADER}\n{ROW}\n{ROW[:-1]}", "breaks off within a line"),
        (HEADER[1:] + "\n", "does not begin with the columns"),
        (f"{ROW}\n", "does not begin with the columns"),
        (f"{HEADER}\n{ROW},1\n", "line 2, has 13 fields, not 12"),
        (f"{HEADER}\n\n", "line 2, has 0 fields"),
        (f"{HEADER}\n{ROW}\n1,2\n", "line 3, has 2 fields"),
        (f"{HEADER}\n{ROW.replace('2.0', '')}\n", "line 2, has no train_loss"),
        (f"{HEADER}\n{ROW.replace('0.5', '')}\n", "line 2, has no train_accuracy"),
        (f"{HEADER}\n1,0,1,1,2,0.1,2.0,,,,,\n", "has no test_accuracy of the network's own classifier"),
        (f"{HEADER}\n{ROW.replace('2.0', 'nan')}\n", "line 2: train_loss is 'nan'"),
        (f"{HEADER}\n{ROW.replace('2.0', '-1')}\n", "line 2: train_loss is '-1'"),
        (f"{HEADER}\n{ROW.replace('2.0', '1e999')}\n", "line 2: train_loss is '1e999'"),
        (f"{HEADER}\n{ROW.replace('2.0', 'x' * 999)}\n", "line 2: train_loss is 'xxxx"),
        (f"{HEADER}\n{ROW.replace('0.5', '1.5')}\n", "line 2: train_accuracy is '1.5'"),
        (f"{HEADER}\n1.5{ROW[1:]}\n", "line 2: epoch is '1.5'"),
        (f"{HEADER}\n1000000000{ROW[1:]}\n", "line 2: epoch is '1000000000'"),
        (f"{HEADER}\n2{ROW[1:]}\n", "line 2, is of epoch 2, out of order"),
        (f"{HEADER}\n0{ROW[1:]}\n", "does not begin with epoch 1"),
        (f"{HEADER}\n{ROW}\n3{ROW[1:]}\n", "line 3, is of epoch 3, out of order"),
        (f"{HEADER}\n{ROW}\n2{ROW[1:]}\n{ROW}\n", "line 4, is of epoch 1, out of order"),
        (f"{HEADER}\n{ROW}é\n", "is not a table of numbers"),
        (f'{HEADER}\n"{ROW}\n', "is not a table of numbers"),
        (f"{HEADER}\n\0\n", "is not a table of numbers|has 1 fields"),
    ],
)
def test_text_that_is_not_a_table_is_refused(tmp_path, text, says):
    path = tmp_path / "metrics.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=says) as error:
        tables.read(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_gigantic_table_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "LONGEST", 100)
    (tmp_path / "metrics.csv").write_text(f"{HEADER}\n{ROW}\n")
    with pytest.raises(InputError, match="is longer than the 100 bytes that are read"):
        tables.read(tmp_path / "metrics.csv")


@pytest.mark.parametrize("error", [MemoryError(), OSError(errno.EMFILE, "Too many open files")])
def test_a_limit_of_the_system_is_not_taken_for_a_bad_table(tmp_path, monkeypatch, error):
    def refuse(path):
        raise error

    monkeypatch.setattr(tables, "read", refuse)
    with pytest.raises(type(error)) as caught:
        RunDirectory(tmp_path).read_rows("metrics.csv")
    assert caught.value is error


@pytest.mark.parametrize(("epoch", "lines"), [(0, 1), (2, 3), (3, 4), (9, 4)])
def test_rows_until_an_epoch(written, epoch, lines):
    text = tables.until(written("timing.csv"), epoch)
    assert text == "".join(written("timing.csv").read_text().splitlines(keepends=True)[:lines])


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_text("1,2,3")])
def test_a_table_that_cannot_be_read_counts_as_empty(written, damage):
    damage(written("timing.csv"))
    assert tables.until(written("timing.csv"), 3) == ",".join(TIMING) + "\n"
