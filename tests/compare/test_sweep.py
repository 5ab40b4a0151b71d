import json
from dataclasses import replace

import pytest

from minilocal.compare.entries import Entry, parse
from minilocal.compare.sweep import DataSize, Sweep, read_sweep
from minilocal.datasets.prepare import prepare
from minilocal.errors import InputError
from minilocal.runs.config import Config

SIZE = DataSize(1000, 200, (32, 32, 3), 10)


def sweep_of(path, *entries, seeds=(0, 1), **options):
    setting = Config(**{"algo": "BP", "epochs": 2, "batch_size": 64} | options)
    return Sweep(path, setting, SIZE, tuple(parse(entry, setting) for entry in entries), seeds)


def test_all_entries_have_the_first_seed_before_any_has_the_second(tmp_path):
    runs = sweep_of(tmp_path, "BP", "G1/a2", "G3S2/front=block/idle=learn").runs
    assert [run.title for run in runs[:3]] == ["BP, seed 0", "G1/a2, seed 0", "G3S2/front=block/idle=learn, seed 0"]
    names = [run.directory.path.name for run in runs[1:5]]
    assert names == ["G1-a2-seed0", "G3S2-front=block-idle=learn-seed0", "BP-seed1", "G1-a2-seed1"]
    assert runs[4].config == Config(algo="G1", classifier="a2", epochs=2, batch_size=64, seed=1)


def test_reading_gives_what_was_written(tmp_path):
    sweep = sweep_of(tmp_path / "new" / "sweep", "BP", "G1/a2", lr=0.05, crop=False)
    sweep.write()
    assert read_sweep(sweep.path) == sweep
    assert [path.name for path in sweep.path.iterdir()] == ["sweep.json"]


def test_a_sweep_from_before_an_option_existed_has_its_default_and_its_runs(made_up):
    """Also where options came in another order: `written` names the runs' directories."""
    sweep = made_up({"BP": [0.5], "G1/lr=0.05/a2": [0.5]})
    file = sweep.path / "sweep.json"
    content = json.loads(file.read_text().replace("G1/lr=0.05/a2", "G1/a2/lr=0.05"))
    del content["setting"]["label_smoothing"]
    file.write_text(json.dumps(content))
    (sweep.path / "G1-lr=0.05-a2-seed0").rename(sweep.path / "G1-a2-lr=0.05-seed0")
    joined = sweep.joined()
    assert joined == read_sweep(sweep.path) == sweep
    assert joined.setting.label_smoothing == 0
    assert [run.finished for run in joined.runs] == [True, True]
    joined.write()
    assert json.loads(file.read_text())["entries"] == content["entries"]


def test_entries_and_seeds_can_be_added(tmp_path):
    first = sweep_of(tmp_path, "BP", "G1", seeds=(0, 1))
    first.write()
    later = sweep_of(tmp_path, "G2", "G1", seeds=(2, 0)).joined()
    assert [entry.label for entry in later.entries] == ["BP", "G1", "G2"]
    assert later.seeds == (0, 1, 2)


def test_images_and_costs_are_an_entrys_own(tmp_path):
    sweep = sweep_of(tmp_path, "G1", "G1/width=0.25", "G1/train-size=500/validation=0.1", "G1/batch-size=100")
    plain, wide, small, batch = sweep.entries
    assert sweep.images(plain) == (960, 200)
    assert sweep.images(small) == (448, 250)  # 450 remain for training
    assert sweep.images(batch) == (1000, 200)
    assert sweep.costs(wide).macs > 3 * sweep.costs(plain).macs
    assert sweep.costs(Entry("BP")).macs > sweep.costs(plain).macs


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "can't be read"),
        ("[]", "can't be read"),
        ("{}", "can't be read"),
        ('{"setting": {}}', "can't be read ('data')"),
        ('{"setting": {"colour": 1}, "data": {"image_shape": [32, 32, 3]}}', "unknown options: colour"),
        ("entries", "algorithm 'XY' is unknown"),
        ("seeds", "seed is -1"),
        ("data", "can't be read"),
    ],
)
def test_a_damaged_sweep_file_is_one_sentence(tmp_path, content, says):
    sweep_of(tmp_path, "BP").write()
    file = tmp_path / "sweep.json"
    if content.isalpha():  # the name of the entry to damage
        damaged = {"entries": ["XY"], "seeds": [-1], "data": {"train": 3}}
        content = json.dumps(json.loads(file.read_text()) | {content: damaged[content]})
    file.write_text(content)
    with pytest.raises(InputError, match=r"sweep\.json can't be read") as error:
        read_sweep(tmp_path)
    assert says in str(error.value)


def test_a_directory_of_something_else_is_refused(tmp_path):
    (tmp_path / "20260102-030405-G3S2-vgg8b").mkdir()
    for read in (sweep_of(tmp_path, "BP").joined, lambda: read_sweep(tmp_path / "nowhere")):
        with pytest.raises(InputError, match=r"not a sweep's directory, because it has no sweep\.json; name another"):
            read()


def test_half_written_files_of_a_killed_process_are_ignored(tmp_path):
    (tmp_path / ".sweep.json.tmp").write_text("{")
    sweep = sweep_of(tmp_path, "BP")
    assert sweep.joined() == sweep
    sweep.write()
    (tmp_path / "BP-seed0").mkdir()
    (tmp_path / "BP-seed0" / ".config.json.tmp").write_text("{")
    assert sweep.joined() == sweep


def test_a_sweep_of_another_setting_is_refused_by_name(tmp_path):
    sweep_of(tmp_path, "BP").write()
    with pytest.raises(InputError, match=r"a sweep of other runs \(--epochs is 3, but the run has 2; --lr is 0.2, b"):
        sweep_of(tmp_path, "G1", epochs=3, lr=0.2).joined()
    with pytest.raises(InputError, match="runs on other images or labels; name another"):
        replace(sweep_of(tmp_path, "G1"), size=DataSize(999, 200, (32, 32, 3), 10)).joined()


def test_the_data_can_move(tmp_path):
    sweep_of(tmp_path, "BP", data_dir="/here").write()
    moved = sweep_of(tmp_path, "BP", data_dir="/there")
    assert moved.joined().runs[0].config.data_dir == "/there"


def test_a_run_directory_with_another_configuration_is_refused_by_name(made_up):
    sweep = made_up({"BP": [0.5], "G1": [0.5]})
    assert sweep.joined() == sweep
    file = sweep.path / "G1-seed0" / "config.json"
    file.write_text(file.read_text().replace('"lr": 0.1', '"lr": 0.3'))
    with pytest.raises(InputError, match=r"G1-seed0 contains another run \(--lr is 0.1, but the run has 0.3\)"):
        sweep.joined()
    file.unlink()
    with pytest.raises(InputError, match=r"G1-seed0.config\.json does not exist"):
        sweep.joined()


def test_a_curve_is_that_of_the_networks_own_classifier(made_up):
    sweep = made_up({"BP": [0.8], "G1": [None]}, epochs=4)
    backprop, local = sweep.runs
    assert [row["test_accuracy"] for row in backprop.curve] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert (backprop.finished, local.curve, local.finished) == (True, [], False)


def test_validation_images_of_the_data_set_itself_are_not_taken_from_the_training_images(tmp_path, images):
    own = replace(images, validation=(images.x_test[:7], images.y_test[:7]))
    size = DataSize.of(prepare(own))
    assert (size.train, size.validation) == (len(images.x_train), 7)
    sweep = replace(sweep_of(tmp_path, "BP"), size=size)
    sweep.write()
    assert read_sweep(tmp_path).size == size
    assert sweep.split(sweep.setting) == (len(images.x_train), 7)
    shared = DataSize.of(prepare(images, validation=0.25))
    assert (shared.train, shared.validation) == (len(images.x_train), 0)
