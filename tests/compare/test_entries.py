import pytest

from minilocal.compare.entries import changed, parse
from minilocal.errors import InputError
from minilocal.runs.config import Config

SETTING = Config(algo="BP")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("g3s2", "G3S2"),
        ("G2S0", "G2"),
        ("G1/a2", "G1/a2"),
        ("G1/A2", "G1/a2"),
        ("G1/classifier=a2", "G1/a2"),
        ("G1/a1", "G1"),  # as in the setting
        ("G1/lr=1e-1/epochs=10", "G1"),
        ("G3S2/label-smoothing=0.1/front=block", "G3S2/front=block/label-smoothing=0.1"),
        ("G3/dropout=0.1/epochs=40/lr=0.05/a2", "G3/epochs=40/lr=0.05/a2/dropout=0.1"),
        ("G3/no-crop", "G3/no-crop"),
        ("G1/a2/local-loss=predsim", "G1/a2/local-loss=predsim"),
        ("G1/local-loss=ce", "G1"),
        ("G3/width=0.25/flip/train-size=500", "G3/flip/width=0.25/train-size=500"),
    ],
)
def test_an_entry_has_one_label(text, label):
    entry = parse(text, SETTING)
    assert entry.label == label
    assert parse(entry.label, SETTING) == entry


def test_an_entry_changes_only_its_options():
    config = parse("G3S2/a2/idle=learn/no-flip", SETTING).config(SETTING, seed=5)
    assert config == Config(algo="G3S2", classifier="a2", idle="learn", flip=False, seed=5)


def test_options_equal_to_the_setting_are_left_out():
    assert parse("G1/a1", Config(classifier="a2")).label == "G1/a1"
    assert parse("G1/a2", Config(classifier="a2")).label == "G1"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("XY", "algorithm 'XY' is unknown"),
        ("BP/local-loss=sim", "entry 'BP/local-loss=sim': local_loss is sim, but BP has only the network's own loss"),
        ("G1/local-loss=mse", "argument --local-loss: invalid choice: 'mse'"),
        ("XY/a2", "entry 'XY/a2': algorithm 'XY' is unknown"),
        ("", "algorithm '' is unknown"),
        ("G2S2", "must be less than its block size 2"),
        ("G1/a3", "entry 'G1/a3': unrecognized arguments: --a3; options are those of `python -m minilocal.train`"),
        ("G1/colour=red", "unrecognized arguments: --colour=red"),
        ("G1/ep=3", "unrecognized arguments: --ep=3"),  # no abbreviations: labels would differ
        ("G1/seed=3", "unrecognized arguments: --seed=3"),
        ("G1/algo=G2", "unrecognized arguments: --algo=g2"),
        ("G1/lr", "expected one argument"),
        ("G1/lr=fast", "invalid float value: 'fast'"),
        ("G1/lr=-1", "--lr is -1.0; it must be above 0"),
        ("G1/crop=on", "ignored explicit argument 'on'"),
        ("G1/", "'' is not an option"),
        ("G1//a2", "'' is not an option"),
        ("G1/--lr=1", "'--lr=1' is not an option"),
        ("G1/-h", "'-h' is not an option"),
        ("G3/idle=learn", "idle learn has no effect on G3"),
        ("BP/a2", "BP has no auxiliary classifiers to choose"),
        ("G1/dataset=mnist", "--dataset must be the same for all entries"),
        ("G1/test-size=10", "--test-size must be the same for all entries"),
        ("G1/model=resnet", "argument --model: invalid choice: 'resnet'"),
    ],
)
def test_refused(text, says):
    with pytest.raises(InputError, match=f"^{'' if '/' not in text else 'entry'}") as error:
        parse(text, SETTING)
    assert says in str(error.value)


def test_changed_options_leave_out_algorithm_seed_and_whatever_follows_from_others():
    assert changed(Config(algo="G1", seed=3, validation=0.1, epochs=20), Config()) == [
        ("epochs", 20), ("validation", 0.1),
    ]  # fmt: skip
    assert changed(Config(lr_epochs=20), Config()) == [("lr_epochs", 20)]
