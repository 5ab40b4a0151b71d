import dataclasses

import numpy as np
import pytest

from minilocal.datasets import Dataset
from minilocal.datasets.prepare import prepare
from minilocal.errors import InputError
from minilocal.runs.preprocessing import Preprocessing


@pytest.fixture
def dataset(rng):
    x = rng.integers(0, 256, (40, 8, 8, 1), dtype=np.uint8)
    y = np.arange(40) % 4
    return Dataset("test", x, y, x[:12][::-1], y[:12][::-1], ("a", "b", "c", "d"), flip=False)


def test_it_survives_json(dataset):
    kept = Preprocessing.of(prepare(dataset))
    assert Preprocessing.from_dict(kept.as_dict()).as_dict() == kept.as_dict()


def test_a_run_recognises_its_data(dataset):
    kept = Preprocessing.of(prepare(dataset, validation=0.25, seed=1))
    kept.check(prepare(dataset, validation=0.25, seed=1))


@pytest.mark.parametrize(
    "change",
    [
        lambda d: {"y_train": np.roll(d.y_train, 1)},
        lambda d: {"x_train": d.x_train[::-1]},
        lambda d: {"x_train": d.x_train[::-1], "y_train": d.y_train[::-1]},
        lambda d: {"x_train": d.x_train[:, ::-1]},
        lambda d: {"x_test": d.x_test[::-1]},
        lambda d: {"x_test": 255 - d.x_test},
        lambda d: {"y_test": np.roll(d.y_test, 1)},
        lambda d: {"x_test": d.x_test[1:], "y_test": d.y_test[1:]},
    ],
    ids=["labels", "images", "order", "upside down", "test order", "test images", "test labels", "fewer to test"],
)
def test_a_run_refuses_other_data_of_the_same_shape_mean_and_deviation(dataset, change):
    kept = Preprocessing.of(prepare(dataset))
    other = prepare(dataclasses.replace(dataset, **change(dataset)))
    with pytest.raises(InputError, match=r"than it had when the run began \(checksum differ"):
        kept.check(other)


def test_other_classes_are_refused_by_name(dataset):
    kept = Preprocessing.of(prepare(dataset))
    with pytest.raises(InputError, match=r"\(classes differ"):
        kept.check(prepare(dataclasses.replace(dataset, classes=("a", "b", "d", "c"))))


def test_a_run_of_an_older_version_has_no_checksum_to_compare(dataset):
    content = Preprocessing.of(prepare(dataset)).as_dict()
    del content["checksum"]
    kept = Preprocessing.from_dict(content)
    kept.check(prepare(dataset))
    with pytest.raises(InputError, match="mean, std differ"):
        kept.check(prepare(dataclasses.replace(dataset, x_train=dataset.x_train // 2)))


def test_a_run_of_an_older_version_chose_other_images_where_they_are_ordered_by_class(dataset):
    order = dataset.y_train.argsort(kind="stable")
    ordered = dataclasses.replace(dataset, x_train=dataset.x_train[order], y_train=dataset.y_train[order])
    content = Preprocessing.of(prepare(ordered, train_size=20)).as_dict()
    Preprocessing.from_dict(content).check(prepare(ordered, train_size=20))
    del content["checksum"]
    with pytest.raises(InputError, match=r"\(choice of images differ"):
        Preprocessing.from_dict(content).check(prepare(ordered, train_size=20))
