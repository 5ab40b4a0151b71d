import io
import zipfile

import numpy as np
import pytest

from minilocal.datasets.own_images import read_own_images
from minilocal.errors import InputError


@pytest.fixture
def save(tmp_path, arrays):
    """A function that writes a good file with some arrays replaced (None: left out)."""

    def write(savez=np.savez, **changes):
        path = tmp_path / "my.npz"
        savez(path, **{name: array for name, array in {**arrays, **changes}.items() if array is not None})
        return path

    return write


def refused(path, message):
    with pytest.raises(InputError, match=message) as error:
        read_own_images(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("savez", [np.savez, np.savez_compressed])
def test_round_trip(save, arrays, savez):
    data = read_own_images(save(savez))
    for name, array in arrays.items():
        np.testing.assert_array_equal(getattr(data, name), array)
    assert data.x_train.dtype == np.uint8
    assert data.y_train.dtype == np.int64
    assert data.classes == ("0", "1", "2", "3")
    assert not data.flip
    assert data.name.startswith("npz:")


@pytest.mark.parametrize("dtype", [np.float16, np.float64, ">f4", np.longdouble])
def test_floating_point_becomes_float32(save, arrays, dtype):
    path = save(x_train=arrays["x_train"].astype(dtype), x_test=arrays["x_test"].astype(dtype))
    data = read_own_images(path)
    assert data.x_train.dtype == data.x_test.dtype == np.dtype(np.float32)
    np.testing.assert_array_equal(data.x_train, arrays["x_train"])


def test_grey_images_get_their_channel(save, arrays):
    data = read_own_images(save(x_train=arrays["x_train"][..., 0], x_test=arrays["x_test"][..., 0]))
    assert data.x_train.shape == (9, 8, 8, 1)
    np.testing.assert_array_equal(data.x_train[..., 0], arrays["x_train"][..., 0])


@pytest.mark.parametrize(
    "rename",
    [
        lambda kind, part: f"{part}_{ {'x': 'images', 'y': 'labels'}[kind] }",
        lambda kind, part: f"{ {'x': 'images', 'y': 'labels'}[kind] }_{part}",
        lambda kind, part: f"{kind.upper()}_{part}",
        lambda kind, part: f"{part}_{ {'x': 'data', 'y': 'targets'}[kind] }",
    ],
)
def test_names_that_other_programs_use(tmp_path, arrays, rename):
    arrays |= {"x_val": arrays["x_test"][:4], "y_val": arrays["y_test"][:4], "extra_x_train": np.zeros(3)}
    renamed = {rename(*name.split("_")) if name.count("_") == 1 else name: array for name, array in arrays.items()}
    np.savez(tmp_path / "my.npz", **renamed)
    data = read_own_images(tmp_path / "my.npz")
    for name in ("x_train", "y_train", "x_test", "y_test"):
        np.testing.assert_array_equal(getattr(data, name), arrays[name])
    np.testing.assert_array_equal(data.validation[0], arrays["x_val"])
    np.testing.assert_array_equal(data.validation[1], arrays["y_val"])


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.transpose(0, 3, 1, 2),
        lambda x: np.concatenate([x, np.full_like(x[..., :1], 255)], axis=3),
        lambda x: np.concatenate([x, np.full_like(x[..., :1], 255)], axis=3).transpose(0, 3, 1, 2),
        lambda x: x.astype(np.int64),
    ],
    ids=["NCHW", "RGBA", "RGBA, NCHW", "int64"],
)
def test_images_without_doubt_about_their_meaning(save, arrays, change):
    data = read_own_images(save(x_train=change(arrays["x_train"]), x_test=change(arrays["x_test"])))
    assert data.x_train.flags.c_contiguous
    assert data.x_train.dtype == np.uint8
    np.testing.assert_array_equal(data.x_train, arrays["x_train"])


def test_true_and_false_are_1_and_0(save, arrays):
    data = read_own_images(save(x_train=arrays["x_train"] > 99, x_test=arrays["x_test"] > 99, y_test=np.arange(5) > 2))
    np.testing.assert_array_equal(data.x_train, np.uint8(arrays["x_train"] > 99))
    assert data.y_test.tolist() == [0, 0, 0, 1, 1]


@pytest.mark.parametrize(
    "change", [lambda y: y[:, None], lambda y: np.eye(4)[y], lambda y: np.eye(4, dtype=bool)[y], lambda y: y / 1.0]
)
def test_labels_without_doubt_about_their_meaning(save, arrays, change):
    data = read_own_images(save(y_train=change(arrays["y_train"]), y_test=change(arrays["y_test"])))
    assert data.y_train.dtype == np.int64
    np.testing.assert_array_equal(data.y_train, arrays["y_train"])
    np.testing.assert_array_equal(data.y_test, arrays["y_test"])


def test_a_tilde_is_the_home_folder(save, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert read_own_images(f"~/{save().name}").name == f"npz:{tmp_path / 'my.npz'}"


def test_fortran_order(save, arrays):
    data = read_own_images(save(x_train=np.asfortranarray(arrays["x_train"]), y_train=np.uint8(arrays["y_train"])))
    assert data.x_train.flags.c_contiguous
    np.testing.assert_array_equal(data.x_train, arrays["x_train"])


def test_class_names(save):
    assert read_own_images(save(classes=np.array(["a", "bb", "c", "d", "é"]))).classes == ("a", "bb", "c", "d", "é")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_test": None}, r"has no array y_test \(it has 'x_train', 'y_train', 'x_test'\); save it with"),
        ({"train_images": np.zeros((9, 8, 8), np.uint8)}, "has both 'x_train' and 'train_images'; keep one"),
        ({"x_val": np.zeros((5, 8, 8, 3), np.uint8)}, "has no array y_validation"),
        ({"x_train": np.zeros((9, 8), np.uint8)}, r"x_train has shape \(9, 8\)"),
        ({"x_train": np.zeros((9, 8, 8, 2), np.uint8)}, "x_train has shape"),
        ({"x_train": np.zeros((0, 8, 8, 3), np.uint8)}, "x_train is empty"),
        ({"x_train": np.full((9, 8, 8, 3), -1)}, r"x_train goes from -1 to -1 \(int64\); scale it to"),
        ({"x_train": np.full((9, 8, 8, 3), 65535, np.uint16)}, "x_train goes from 65535 to 65535"),
        ({"x_train": np.full((9, 8, 8, 4), 99, np.uint8)}, "has transparent pixels; blend them"),
        ({"x_train": np.ones((9, 8, 8, 3), bool)}, "x_train goes up to 1 and x_test up to .*; scale all images alike"),
        ({"x_train": np.zeros((9, 8, 8, 3), complex)}, "x_train contains complex128"),
        ({"x_train": np.full((9, 8, 8, 3), np.nan)}, "contains NaN, infinity or numbers too large"),
        ({"x_train": np.full((9, 8, 8, 3), 1e300)}, "contains NaN, infinity or numbers too large"),
        ({"x_train": np.zeros((9, 8, 8, 3), object)}, "x_train holds Python objects"),
        ({"x_train": np.zeros((9, 8, 8, 3), np.float32)}, "8×8×3 float32 .* 8×8×3 uint8 .* alike"),
        ({"x_train": np.zeros((9, 8, 8, 1), np.uint8)}, "8×8×1 uint8 .* 8×8×3 uint8 .* alike"),
        ({"x_train": np.zeros((8, 8, 8, 3), np.uint8)}, "x_train has 8 images and y_train has 9 labels"),
        ({"y_test": np.full(5, 0.5)}, "y_test is float64 of shape .* labels must be integers, one for each image"),
        ({"y_test": np.full(5, np.nan)}, "labels must be integers"),
        ({"y_test": np.ones((5, 3), int)}, "labels must be integers"),
        ({"y_test": np.array(["cat"] * 5)}, "contains words; save classes, y = "),
        ({"y_test": np.array(3)}, "labels must be integers"),
        ({"y_test": np.array([0, 1, 2, 3, -1])}, "the label -1"),
        ({"y_test": np.array([0, 1, 2, 3, 2**63], np.uint64)}, "the label 9223372036854775808"),
        ({"y_test": np.array([0, 1, 2, 3, 10_000])}, "the label 10000"),
        ({"y_test": np.array([object()] * 5)}, "Python objects"),
        ({"classes": np.array(["a", "b", "c"])}, "label 3 has no name; the array classes has 3 names"),
        ({"classes": np.array([["a", "b", "c", "d"]])}, "it must be a row of at most 10,000 strings"),
        ({"classes": np.arange(4)}, "it must be a row of at most 10,000 strings"),
        ({"classes": np.array(["a", "b", None])}, "Python objects"),
        ({"classes": np.array([""])}, "label 3 has no name"),
        ({"classes": np.array(["x"] * 10_001)}, r"of shape \(10001,\); it must be a row of at most 10,000"),
    ],
)
def test_bad_arrays_are_refused(save, changes, message):
    refused(save(**changes), message)


def test_other_truncated_and_encrypted_files_are_refused(save, tmp_path):
    for path in (tmp_path / "absent.npz", tmp_path):
        refused(path, "is not a file")
    path = save()
    whole = path.read_bytes()
    marked = bytearray(whole)
    marked[marked.find(b"PK\1\2") + 8] |= 1  # the flag for encryption, in the directory
    marked[6] |= 1
    array = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (100,)}")
    for content in (b"hello", array, whole[: len(whole) // 2], marked):
        path.write_bytes(content)
        refused(path, "not a whole .npz file")


def repack(path, changed, change):
    """Write the archive again, with one member's bytes changed."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, change(content) if name == changed else content)


def npy(header):
    stream = io.BytesIO()
    stream.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode("latin1"))
    return stream.getvalue() + bytes(100)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "header can't be read"),
        (b"not an array", "header can't be read"),
        (npy("{'descr': '|u1', 'fortran_order': False, 'shape': (10**12, 8, 8)}"), "header can't be read"),
        (npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000, 8)}"), "100 bytes do not make"),
        (npy("{'descr': '|u1', 'fortran_order': False, 'shape': (-10, -10)}"), "do not make"),
        (npy("{'descr': '<U1000000000', 'fortran_order': False, 'shape': ()}"), "do not make|can't be read"),
        (npy("{'descr': '|V0', 'fortran_order': False, 'shape': (9, 8, 8)}"), "do not make"),
        (npy("{'descr': '|O', 'fortran_order': False, 'shape': (9,)}"), "Python objects"),
        (npy("{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': (100,)}"), "has shape|contains"),
        (npy("__import__('os').getcwd()"), "header can't be read"),
    ],
)
def test_lying_members_are_refused(save, content, message):
    path = save()
    repack(path, "x_train.npy", lambda _: content)
    refused(path, message)


def test_truncated_member_is_refused(save):
    path = save()
    repack(path, "x_train.npy", lambda content: content[:-1])
    refused(path, "x_train is not a whole array")


@pytest.mark.parametrize("last", [b"\xff\xff\xff\x7f", b"\x00\xd8\x00\x00"])
def test_characters_that_do_not_exist(save, last):
    path = save(classes=np.array(["a", "b", "c", "d"], "<U1"))
    repack(path, "classes.npy", lambda content: content[:-4] + last)
    refused(path, "characters that do not exist")
