"""Values as bytes, and bytes that nobody should have sent."""

import contextlib
import json
import pickle
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minilocal.grade import plain, standins
from minilocal.grade.plain import Other, PlainError, pack, unpack

numbers = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**62), 2**62), st.floats(allow_nan=False), st.text(max_size=9)
)
arrays = hnp.arrays(
    st.sampled_from(["f8", "f4", "f2", "i8", "u1", "?", ">f8"]), hnp.array_shapes(min_dims=0, max_side=3),
    elements={"allow_nan": False},
)  # fmt: skip
values = st.recursive(
    numbers | arrays,
    lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple)
    | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


def alike(one, other):
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and one.shape == other.shape and np.array_equal(one, other)
    if isinstance(one, list | tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    return type(one) is type(other) and one == other


@given(values)
def test_values_come_back_as_they_were(value):
    assert alike(value, unpack(pack(value)))


@given(values, st.data())
def test_damaged_messages_are_refused_or_are_other_values(value, data):
    """Whatever bytes arrive: a plain value or `PlainError`, and nothing else."""
    message = bytearray(pack(value))
    for _ in range(data.draw(st.integers(1, 4))):
        message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    message = bytes(message[: data.draw(st.integers(0, len(message)))])
    with contextlib.suppress(PlainError):
        pack(unpack(message))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (len, "of type builtin_function_or_method"),
        (..., "still `...`"),
        (np.array([None]), "an array of type object"),
        (np.array([1j]), "an array of type complex128"),
        (np.longdouble(1), "an array of type"),
        ({1}, "of type set"),
        (b"x", "of type bytes"),
        (1 << 64, "of type int"),
    ],
)
def test_what_can_not_travel_travels_as_words(value, words):
    (other,) = unpack(pack([value]))
    assert isinstance(other, Other)
    assert words in other.words


def message(text, *arrays):
    parts = [text if isinstance(text, bytes) else json.dumps(text).encode(), *arrays]
    return b"".join(struct.pack("<I", len(part)) + part for part in parts)


def npy(descr="<f8", shape="(1,)", data=bytes(8), order="False", version=b"\x01\0"):
    header = f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + version + struct.pack("<H", len(header)) + header + data


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"\1",
        b"\xff\xff\xff\xff{}",
        pickle.dumps([1]),
        message([1]),
        message({}),
        message({"list": 1}),
        message({"list": [], "tuple": []}),
        message({"array": 0}),
        message({"list": [{"array": 0}, {"array": 0}]}, npy()),
        message({"array": -1}, npy()),
        message({"array": True}, npy()),
        message({"again": 0}),
        message({"object": ["Linear", {"dict": []}]}),
        message({"import": "os"}),
        message({"dict": [{"list": [1]}]}),
        message({"dict": [{"tuple": [{"list": []}, 1]}]}),
        message(b"[" * 100_000),
        message(b'{"list":[' * 50_000),
        message(b"1" * 10_000),
        message(1 << 63),
        message({"list": list(range(200_000))}),
        message(None, npy(descr="|O")),
        message(None, npy(descr="<c16")),
        message(None, npy(descr="<U1")),
        message(None, npy(shape="(2,)")),
        message(None, npy(shape="(99999999999999999999,)")),
        message(None, npy(shape="(1,)*9")),
        message(None, npy(shape="__import__('os')")),
        message(None, npy(order="True")),
        message(None, npy(version=b"\x02\0")),
        message(None, npy(descr="|b1", data=b"\x02")),
        message(None, npy()[:20]),
    ],
)
def test_bytes_that_are_no_message_are_refused(bad):
    with pytest.raises(PlainError):
        unpack(bad)


def test_stand_ins_travel_only_where_they_are_expected_and_keep_their_identity():
    layer = standins.Linear("layer 1", weight=np.ones((2, 2)))
    one, (other, again) = unpack(pack((layer, [layer, layer]), standins.construction), standins.construct)
    assert one is other is again
    assert one is not layer
    assert one.name == "layer 1"
    assert np.array_equal(one.params["weight"], np.ones((2, 2)))
    with pytest.raises(PlainError):
        unpack(pack(layer, standins.construction))
    with pytest.raises(PlainError):
        unpack(message({"object": ["eval", {"dict": []}]}), standins.construct)
    assert plain.MOST_BYTES < 1 << 30
