import dataclasses

import numpy as np
import pytest

from minilocal.datasets.batches import (
    Minibatches,
    evaluation_batch,
    evaluation_batches,
    evaluation_labels,
    training_batches,
)
from minilocal.datasets.dataset import white_level
from minilocal.datasets.prepare import Images, Normalisation, checksum_of, pad_to_32, prepare, split
from minilocal.errors import InputError


def test_statistics_are_those_of_the_pixels(rng):
    images = rng.integers(0, 256, (50, 6, 5, 3)).astype(np.uint8)
    stats = Normalisation.of(images)
    np.testing.assert_allclose(stats.mean, images.reshape(-1, 3).mean(axis=0))
    np.testing.assert_allclose(stats.std, images.reshape(-1, 3).std(axis=0))
    for constant in (np.zeros((2, 4, 4, 1), np.uint8), np.full((90, 8, 8, 1), 0.1, np.float32)):
        assert Normalisation.of(constant).std == 1  # no contrast, so nothing to divide by


def test_28x28_images_get_a_black_frame(rng):
    images = rng.integers(1, 256, (3, 28, 28, 1)).astype(np.uint8)
    padded = pad_to_32(images)
    assert padded.shape == (3, 32, 32, 1)
    assert np.array_equal(padded[:, 2:30, 2:30], images)
    assert padded.astype(int).sum() == images.astype(int).sum()
    assert pad_to_32(images[:, :20]).shape == (3, 20, 28, 1)


def test_prepare_splits_and_normalises_by_the_remaining_images(images):
    data = prepare(images, train_size=80, test_size=10, validation=0.25)
    assert (len(data.train), len(data.validation), len(data.test)) == (60, 20, 10)
    assert data.image_shape == data.raw_shape == (8, 8, 1)
    expected = Normalisation.of(data.train.pixels)
    for images_ in (data.train, data.validation, data.test):
        np.testing.assert_array_equal(images_.normalisation.mean, expected.mean)
    both = np.concatenate([data.train.pixels, data.validation.pixels])
    assert sorted(map(bytes, both)) == sorted(map(bytes, images.x_train[:80]))
    assert set(prepare(images).held_out) == {"test"}
    assert set(data.held_out) == {"test", "validation"}


def test_prepare_pads_the_shipped_images():
    data = prepare("fashion-mnist-mini", train_size=100, test_size=10)
    assert data.raw_shape == (28, 28, 1)
    assert data.image_shape == (32, 32, 1)
    assert data.flip


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"train_size": 0}, "train size is 0"),
        ({"train_size": 97}, "has 96 train images, so use 1 to 96"),
        ({"test_size": 41}, "1 to 40"),
        ({"validation": 0.001}, "holds out 0 of 96"),
        ({"validation": 0.999}, "holds out 96 of 96"),
    ],
)
def test_sizes_out_of_range_are_refused(images, options, says):
    with pytest.raises(InputError, match=says):
        prepare(images, **options)


def test_split_is_a_partition_fixed_by_the_seed():
    a, b = split(1000, 0.1, seed=3)
    assert len(b) == 100
    assert sorted([*a, *b]) == list(range(1000))
    assert np.array_equal(split(1000, 0.1, seed=3)[1], b)
    assert not np.array_equal(split(1000, 0.1, seed=4)[1], b)


def numbered(count, size=6):
    """Images that differ: every pixel of image i is i + 1, and the normalisation changes nothing."""
    pixels = np.zeros((count, size, size, 1), np.uint8)
    pixels += np.arange(1, count + 1, dtype=np.uint8)[:, None, None, None]
    return Images(pixels, np.arange(count), Normalisation(np.zeros(1), np.ones(1)))


def test_an_epoch_sees_each_image_at_most_once_and_drops_the_partial_batch():
    batches = list(training_batches(numbered(50), 16, seed=0, epoch=0, crop=False, flip=False))
    assert [len(x) for x, _ in batches] == [16, 16, 16]
    labels = np.concatenate([y for _, y in batches])
    assert len(set(labels)) == 48
    for x, y in batches:
        assert x.dtype == np.float32
        assert np.array_equal(x[:, 0, 0, 0], y + 1)


def test_a_minibatch_does_not_need_the_others_nor_labels_their_pixels():
    images = numbered(50)
    batches = Minibatches(images, 16, seed=0, epoch=3, crop=True, flip=True)
    assert len(batches) == 3
    for number, (x, labels) in enumerate(training_batches(images, 16, 0, 3, crop=True, flip=True, first=1), 1):
        assert np.array_equal(batches.pixels(number), x)
        assert np.array_equal(batches.labels(number), labels)


def test_crops_may_show_the_image_mirrored_beyond_its_border(rng):
    images = Images(
        rng.integers(0, 256, (40, 5, 7, 2), np.uint8), np.arange(40), Normalisation(np.zeros(2), np.ones(2))
    )
    batches = Minibatches(images, 40, seed=0, epoch=0, crop=True, flip=True, margin=4, mirror=True)
    padded = np.pad(images.pixels, ((0, 0), (4, 4), (4, 4), (0, 0)), mode="reflect")
    for x, image in zip(batches.pixels(0), batches.order, strict=True):
        i, j = batches.shifts[image] + 4
        crop = padded[image, i : i + 5, j : j + 7]
        np.testing.assert_array_equal(x, crop[:, ::-1] if batches.flips[image] else crop)
    with pytest.raises(InputError, match="crop_margin is 5, but images of 5×7 pixels are mirrored"):
        Minibatches(images, 40, seed=0, epoch=0, crop=True, flip=True, margin=5, mirror=True)


def test_alternating_flips_show_each_image_both_ways_in_two_epochs():
    flips = [
        Minibatches(numbered(400), 16, seed, epoch, crop=False, flip=True, alternate=True).flips
        for seed, epoch in ((0, 0), (0, 1), (0, 2), (1, 0))
    ]
    assert np.array_equal(flips[0], ~flips[1])
    assert np.array_equal(flips[0], flips[2])
    assert 150 < np.sum(flips[0]) < 250
    assert 150 < np.sum(flips[0] ^ flips[3]) < 250
    assert not Minibatches(numbered(9), 4, 0, 1, crop=False, flip=False, alternate=True).flips.any()


def test_data_without_pixels_gives_the_same_labels(images):
    data = prepare(images, validation=0.25)
    bare = data.without_pixels()
    for name in ("train", "validation", "test"):
        mine, theirs = getattr(bare, name), getattr(data, name)
        assert mine.pixels.nbytes == 0
        assert len(mine) == len(theirs)
        assert np.array_equal(evaluation_labels(mine, 0), evaluation_batch(theirs, 0)[1])
    whole, mine = (Minibatches(d.train, 16, 0, 0, crop=True, flip=False) for d in (data, bare))
    assert all(np.array_equal(mine.labels(number), whole.labels(number)) for number in range(len(whole)))
    assert prepare(images).without_pixels().validation is None


def test_order_and_augmentation_depend_on_seed_and_epoch():
    def epoch(seed, number):
        batches = training_batches(numbered(64), 32, seed, number, crop=True, flip=True)
        return b"".join(x.tobytes() + y.tobytes() for x, y in batches)

    assert epoch(1, 2) == epoch(1, 2)
    assert len({epoch(1, 2), epoch(1, 3), epoch(2, 2)}) == 3


@pytest.mark.parametrize(("shape", "margin"), [((12, 10), 4), ((32, 36), None), ((24, 16), None)])
def test_crops_shift_each_image_by_up_to_an_eighth_into_black(rng, shape, margin):
    (height, width), expected = shape, margin or min(shape) // 8
    pixels = rng.integers(1, 256, (200, height, width, 2)).astype(np.uint8)
    mean, std = np.array([7.0, 9.0]), np.array([2.0, 4.0])
    images = Images(pixels, np.arange(200), Normalisation(mean, std))
    batches = Minibatches(images, 200, seed=0, epoch=0, crop=True, flip=False, margin=margin)
    x, y = batches.pixels(0), batches.labels(0)
    padded = np.pad(pixels, ((0, 0), (expected, expected), (expected, expected), (0, 0)))
    offsets, positions = set(), range(2 * expected + 1)
    for image, label in zip(x * std + mean, y, strict=True):
        found = [
            (i, j) for i in positions for j in positions
            if np.allclose(image, padded[label, i : i + height, j : j + width], atol=1e-3)
        ]  # fmt: skip
        assert len(found) == 1
        offsets.add(found[0])
    assert {i for i, _ in offsets} == {j for _, j in offsets} == set(positions)


def test_flips_mirror_half_of_the_images(rng):
    pixels = rng.integers(1, 256, (400, 4, 5, 1)).astype(np.uint8)
    images = Images(pixels, np.arange(400), Normalisation(np.zeros(1), np.ones(1)))
    ((x, y),) = training_batches(images, 400, seed=0, epoch=0, crop=False, flip=True)
    mirrored = [np.array_equal(a, pixels[i][:, ::-1]) for a, i in zip(x, y, strict=True)]
    straight = [np.array_equal(a, pixels[i]) for a, i in zip(x, y, strict=True)]
    assert all(a != b for a, b in zip(mirrored, straight, strict=True))
    assert 150 < sum(mirrored) < 250


def test_evaluation_sees_everything_in_order_unaugmented():
    images = numbered(50)
    batches = list(evaluation_batches(images, 16))
    assert [len(x) for x, _ in batches] == [16, 16, 16, 2]
    assert np.array_equal(np.concatenate([y for _, y in batches]), images.labels)
    assert np.array_equal(np.concatenate([x for x, _ in batches]), images.pixels)


@pytest.mark.parametrize(
    ("pixels", "white"),
    [
        (np.uint8([0, 255]), 255),
        (np.uint8([9, 128]), 255),
        (np.float32([0, 0.2, 254.9]), 255),
        (np.uint8([0, 1]), 1),
        (np.float32([0, 0.6]), 1),
        (np.uint8([0, 127]), None),  # dark, or white is 16 or 100
        (np.uint8([0, 16]), None),
        (np.uint8([0, 0]), None),
        (np.float32([-1, 1]), None),
        (np.float32([0, 765]), None),
    ],
)
def test_white_shows_in_the_pixels_or_is_unknown(pixels, white):
    assert white_level(pixels) == white


def by_class(images):
    """The images, those of class 0 first."""
    train, test = (labels.argsort(kind="stable") for labels in (images.y_train, images.y_test))
    arrays = {"x_train": images.x_train[train], "y_train": images.y_train[train]}
    return dataclasses.replace(images, x_test=images.x_test[test], y_test=images.y_test[test], **arrays)


def test_of_images_ordered_by_class_the_first_of_each_class_are_chosen(images):
    ordered = by_class(images)
    data = prepare(ordered, train_size=20, test_size=12)
    assert data.by_class
    for chosen, x, y in (
        (data.train, ordered.x_train, ordered.y_train),
        (data.test, ordered.x_test, ordered.y_test),
    ):
        wanted = np.bincount(y) * len(chosen) / len(y)
        assert np.abs(np.bincount(chosen.labels, minlength=len(wanted)) - wanted).max() <= 1
        assert np.array_equal(chosen.labels, np.sort(chosen.labels))
        for label in np.unique(y):
            mine = chosen.pixels[chosen.labels == label]
            assert np.array_equal(mine, x[y == label][: len(mine)])
    assert not prepare(ordered).by_class


def test_of_other_images_the_first_are_chosen(images):
    data = prepare(images, train_size=20, test_size=12)
    assert not data.by_class
    assert np.array_equal(data.train.pixels, images.x_train[:20])
    assert np.array_equal(data.test.labels, images.y_test[:12])


def test_validation_images_of_the_data_set_itself(images):
    own = dataclasses.replace(images, validation=(images.x_test[:7], images.y_test[:7]))
    data = prepare(own)
    assert data.own_validation
    assert np.array_equal(data.validation.pixels, images.x_test[:7])
    assert np.array_equal(data.train.pixels, images.x_train)
    assert data.checksum != prepare(images).checksum
    with pytest.raises(InputError, match=r"share is 0\.1, but .* has validation images of its own; leave --validation"):
        prepare(own, validation=0.1)


def test_pixels_that_float32_cannot_normalise_are_refused_at_once(images):
    """A run could not be read again: such statistics in a config.json are damage."""
    tiny = images.x_train.astype(np.float32) * np.float32(1e-38)
    with pytest.raises(InputError, match="are out of range; scale them to 0 to 1 or 0 to 255"):
        prepare(dataclasses.replace(images, x_train=tiny))


def test_the_checksum_is_that_of_the_images_before_they_are_split(images):
    whole = prepare(images).checksum
    assert {prepare(images, validation=share, seed=seed).checksum for share in (0, 0.25) for seed in (0, 1)} == {whole}
    assert prepare(images, train_size=80).checksum != whole


def test_the_checksum_is_the_same_on_every_machine():
    x, y = np.arange(24, dtype=np.uint8).reshape(2, 3, 4, 1), np.arange(2)
    expected = "25a143ce536f487bdbe894a595724e4a00c466be78f92402a72ea64c99f3b23d"
    assert checksum_of(x, y) == expected
    assert checksum_of(np.asfortranarray(x), y.astype(">i8")) == expected
    for other in ((x.reshape(2, 4, 3, 1), y), (x, y.astype(np.int32)), (y, x), (x[::-1], y)):
        assert checksum_of(*other) != expected
