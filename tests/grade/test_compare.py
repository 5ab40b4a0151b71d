"""Messages about wrong values: what is received, what is expected, and what the mistake looks like."""

import numpy as np
import pytest

from minilocal.grade.compare import WrongError, results, same
from minilocal.grade.plain import Other

ONES = np.ones((2, 3))
MAPS = np.random.default_rng(0).standard_normal((3, 4, 4, 2))


def wrong(received, expected, mistakes=None):
    with pytest.raises(WrongError) as error:
        same("a", received, expected, mistakes)
    return str(error.value)


@pytest.mark.parametrize(
    ("received", "says"),
    [
        (None, "a should be an array of shape (2, 3), but it is None; is there a `return`?"),
        (Other("still `...`"), "but it is still `...`"),
        ([[1.0] * 3] * 2, "a list of length 2"),
        ("text", "of type str"),
        (1.0, "of type float"),
        (np.ones((3, 2)), "should have shape (2, 3), but it has shape (3, 2); is it the transpose?"),
        (np.ones(6), "has shape (6,)"),
        (np.ones((2, 3), int), "is of type int64"),
        (np.full((2, 3), np.inf), "a[0, 0] is inf; it should be a finite number"),
    ],
)
def test_what_is_not_an_array(received, says):
    assert says in wrong(received, ONES)


@pytest.mark.parametrize("received", [2, 2.0, np.array(2.0), np.array(2, np.float32), np.array(2)])
def test_numbers(received):
    same("a", received, 2.0)


@pytest.mark.parametrize(
    ("received", "says"),
    [
        (None, "is None"),
        (True, "of type bool"),
        (np.array(True), "a should be a number"),
        ("2", "of type str"),
        ((1, 2), "a tuple of length 2"),
        (float("nan"), "a is nan; it should be a finite number"),
        (np.array([2.0]), "should be one number, but it has shape (1,)"),
        (2.1, "a is 2.1, but it should be 2"),
    ],
)
def test_what_is_not_the_number(received, says):
    assert says in wrong(received, 2.0)


def test_a_list_is_as_good_as_a_tuple_and_a_numpy_number_as_pythons():
    expected = [(1, 3), (4, 5)]
    for good in ([(1, 3), (4, 5)], ((1, 3), (4, 5)), [[1, 3], [4, 5]], np.array(expected), [np.array([1, 3]), (4, 5)]):
        same("a", good, expected)
    same("a", [1.0, 2.0], [1, 2])
    assert wrong([(1, 3)], expected) == "a is [[1, 3]], but it should be [[1, 3], [4, 5]]"
    assert "a is None; is there a `return`?, but" in wrong(None, expected)
    assert "[True, 1]" in wrong([True, 1], [1, 1])
    same("a", [ONES, "anything"], (ONES, None))
    assert wrong([ONES, ONES], [ONES, 2 * ONES]).startswith("a[1][0, 0] is 1, but it should be 2")
    assert wrong(None, [ONES]) == "a should be a list of length 1, but it is None; is there a `return`?"


def test_several_results_are_compared_one_by_one():
    results("f", ("y", "z"), [ONES, 2], (ONES, 2.0), {})
    with pytest.raises(WrongError, match="f should return two values, y and z, but it returns None"):
        results("f", ("y", "z"), None, (ONES, 2.0), {})
    with pytest.raises(WrongError, match=r"^z is 3, but it should be 2; it is what comes out if a sum is meant$"):
        results("f", ("y", "z"), (ONES, 3), (ONES, 2.0), {"a sum is meant": (ONES, 3.0)})


@pytest.mark.parametrize(
    ("received", "remark"),
    [
        (MAPS * 2, "every entry is twice what it should be"),
        (MAPS / 2, "every entry is half of what it should be"),
        (-MAPS, "every entry is minus what it should be"),
        (MAPS * 3, "every entry is 3 times what it should be (its first axis has that length: a sum or a mean?)"),
        (MAPS / 3, "every entry is 1/3 of what it should be (its first axis"),
        (MAPS * 1.7, "every entry is 1.7 times what it should be"),
        (MAPS.swapaxes(1, 2), "it is the transpose of what it should be (axes 1 and 2)"),
        (MAPS[:, ::-1], "axis 1 runs backwards"),
        (MAPS + 0.25, "every entry is too large by the same number"),
        (np.where(np.arange(2) == 1, 0, MAPS), "only channel 1 is wrong"),
        (np.where(np.arange(3)[:, None, None, None] == 2, 0, MAPS), "only row 2 of the batch is wrong"),
        (np.pad(MAPS[:, 1:-1, 1:-1], ((0, 0), (1, 1), (1, 1), (0, 0))), "only the border of the maps is wrong"),
    ],
)
def test_the_pattern_of_a_mistake_is_named(received, remark):
    assert remark in wrong(received, MAPS)


def test_transposes_are_named_and_chance_is_not():
    square = np.random.default_rng(1).standard_normal((3, 3))
    assert wrong(square.T, square).endswith("; it is the transpose of what it should be (axes 0 and 1)")
    assert (
        wrong(ONES + np.array([0.001, 0, 0]), ONES) == "a[0, 0] is 1.001, but it should be 1; only channel 0 is wrong"
    )
    assert wrong(ONES, 0 * ONES).startswith("a[0, 0] is 1, but it should be 0")
    same("a", ONES * (1 + 1e-12), ONES)


def test_a_known_mistake_is_named():
    assert wrong(3 * ONES, ONES, {"x": 2 * ONES, "it is tripled": 3 * ONES}).endswith(
        "it is what comes out if it is tripled"
    )
