import numpy as np
import pytest

from minilocal.grade.expect import WrongError, about, array, gradient, number, pair, same

ONES = np.ones((2, 3))


@pytest.mark.parametrize(
    ("received", "says"),
    [
        (None, "a should be an array of shape (2, 3), but it is None; is there a `return`?"),
        (..., "still `...`"),
        ([[1.0] * 3] * 2, "a list of length 2"),
        ("text", "of type str"),
        (1.0, "of type float"),
        (np.ones((3, 2)), "should have shape (2, 3), but it has shape (3, 2); is it the transpose?"),
        (np.ones(6), "has shape (6,)"),
        (np.float64(1), "has shape ()"),
        (np.ones((2, 3), int), "is of type int64"),
        (np.full((2, 3), np.inf), "a[0, 0] is inf; it should be a finite number"),
    ],
)
def test_what_is_not_an_array(received, says):
    with pytest.raises(WrongError) as error:
        array("a", received, (2, 3))
    assert says in str(error.value)


@pytest.mark.parametrize("received", [2, 2.0, np.float32(2), np.array(2.0), np.int64(2)])
def test_numbers(received):
    assert number("n", received) == 2
    same("n", received, 2.0)


@pytest.mark.parametrize(
    ("received", "says"),
    [
        (None, "is None"),
        (True, "of type bool"),
        ("2", "of type str"),
        (1j, "of type complex"),
        ((1, 2), "a tuple of length 2"),
        (np.nan, "n is nan; it should be a finite number"),
        (np.array([2.0]), "should be one number, but it has shape (1,)"),
    ],
)
def test_what_is_not_a_number(received, says):
    with pytest.raises(WrongError) as error:
        number("n", received)
    assert says in str(error.value)


def test_pairs():
    assert pair("f", (1, 2), "a and b") == (1, 2)
    for wrong in (None, 3, (1, 2, 3), ONES):
        with pytest.raises(WrongError, match="f should return two values, a and b, but it returns"):
            pair("f", wrong, "a and b")


def test_rounding_is_not_a_mistake_and_a_factor_is_named():
    same("a", ONES * (1 + 1e-12), ONES)
    with pytest.raises(WrongError, match=r"a\[0, 0\] is 1.001, but it should be 1$"):
        same("a", ONES + np.array([0.001, 0, 0]), ONES)
    with pytest.raises(WrongError, match=r"every entry is 0.5 times what it should be"):
        same("a", ONES / 2, ONES)
    with pytest.raises(WrongError, match=r"a\[0, 0\] is 1, but it should be 0$"):
        same("a", ONES, 0 * ONES)


def test_gradients_are_compared_with_central_differences_and_the_library():
    x = np.array([1.0, 2.0, 3.0])

    def loss():
        return float(np.sum(x**2))

    gradient("dx", 2 * x, 2 * x, loss, x)
    with pytest.raises(WrongError, match=r"central differences give .*; every entry is 0.5 times"):
        gradient("dx", x.copy(), 2 * x, loss, x)
    with pytest.raises(WrongError, match="but it should be 7"):
        gradient("dx", 2 * x, np.array([2.0, 4.0, 7.0]), loss, x)
    assert np.array_equal(x, [1, 2, 3])


def test_messages_say_what_they_are_about():
    with pytest.raises(WrongError, match=r"^G2: a should be"), about("G2"):
        array("a", None, (1,))
