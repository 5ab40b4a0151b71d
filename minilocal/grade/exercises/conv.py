"""A convolution as matrix products: im2col, the product, and the way back."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np

from minilocal import layers
from minilocal.gradcheck import check_layer
from minilocal.grade.case import Case, Exercise, WrongError
from minilocal.grade.expect import about, gradient, same
from minilocal.grade.student import Student

GEOMETRIES = ((1, 1, 0), (3, 1, 1), (2, 2, 0), (3, 2, 1))  # kernel, stride, padding


class Trial(NamedTuple):
    """Random arrays, and the library's layer that has seen them."""

    x: np.ndarray
    dy: np.ndarray
    library: layers.Conv2d
    dx: np.ndarray
    geometry: tuple[int, int, int]  # kernel, stride, padding

    @property
    def title(self) -> str:
        """Return what a message is about."""
        (k, stride, padding), (_, height, width, _) = self.geometry, self.x.shape
        return f"{k}×{k} kernel, stride {stride}, padding {padding}, {height}×{width} maps"

    @property
    def weight(self) -> np.ndarray:
        """Return the weight (k, k, C_in, C_out)."""
        return self.library.params["weight"]

    @property
    def patches(self) -> tuple[int, ...]:
        """Return the shape (N, P, Q, k, k, C_in) of the columns' numbers."""
        k = self.geometry[0]
        return (*self.dy.shape[:3], k, k, self.x.shape[3])

    def taps(self) -> Iterator[tuple[tuple[int, ...], tuple[int, int]]]:
        """Yield ((p, q, i, j), (h, w)) for every entry of a patch that lies inside the image."""
        _, stride, padding = self.geometry
        _, height, width, _ = self.x.shape
        for p, q, i, j in product(*map(range, self.patches[1:5])):
            h, w = p * stride + i - padding, q * stride + j - padding
            if 0 <= h < height and 0 <= w < width:
                yield (p, q, i, j), (h, w)

    def im2col(self) -> np.ndarray:
        """Return the columns of x, by loops."""
        cols = np.zeros(self.patches)
        for (p, q, i, j), (h, w) in self.taps():
            cols[:, p, q, i, j] = self.x[:, h, w]
        return cols.reshape(-1, cols[0, 0, 0].size)

    def col2im(self, cols: np.ndarray) -> np.ndarray:
        """Return the image onto which columns are added back, by loops."""
        image, patches = np.zeros(self.x.shape), cols.reshape(self.patches)
        for (p, q, i, j), (h, w) in self.taps():
            image[:, h, w] += patches[:, p, q, i, j]
        return image

    def loss(self) -> float:
        """Return Σ dy·y, whose gradient by y is dy."""
        return float(np.sum(self.dy * self.library.forward(self.x)))


def trials(rng: np.random.Generator) -> Iterator[Trial]:
    """Yield a trial per geometry, on maps higher than wide, with more channels behind than in front."""
    for k, stride, padding in GEOMETRIES:
        width, c_in = int(rng.integers(3, 6)), int(rng.integers(2, 4))
        height, c_out = width + int(rng.integers(1, 3)), c_in + int(rng.integers(1, 3))
        library = layers.Conv2d(c_in, c_out, k, stride, padding, rng=rng, dtype=np.float64, method="im2col")
        x = rng.standard_normal((2, height, width, c_in))
        dy = rng.standard_normal(library.forward(x, training=True).shape)
        yield Trial(x, dy, library, library.backward(dy), (k, stride, padding))


def check_im2col(student: Student, rng: np.random.Generator) -> None:
    """Compare the columns with those made by loops."""
    for t in trials(rng):
        with about(t.title):
            same("cols", student.call("im2col", t.x, *t.geometry), t.im2col())


def check_forward(student: Student, rng: np.random.Generator) -> None:
    """Compare y with the library's."""
    for t in trials(rng):
        with about(t.title):
            same("y", student.call("forward", t.x, t.weight, *t.geometry[1:]), t.library.forward(t.x))


def check_weight_gradient(student: Student, rng: np.random.Generator) -> None:
    """Check dL/dweight."""
    for t in trials(rng):
        with about(t.title):
            dweight = student.call("weight_gradient", t.x, t.dy, *t.geometry)
            gradient("dweight", dweight, t.library.grads["weight"], t.loss, t.weight)


def check_col2im(student: Student, rng: np.random.Generator) -> None:
    """Compare the image with the one made by loops."""
    for t in trials(rng):
        cols = rng.standard_normal(t.im2col().shape)
        with about(t.title):
            same("the image", student.call("col2im", cols, t.x.shape, *t.geometry), t.col2im(cols))


def check_input_gradient(student: Student, rng: np.random.Generator) -> None:
    """Check dL/dx, and the class."""
    for t in trials(rng):
        with about(t.title):
            dx = student.call("input_gradient", t.dy, t.weight, t.x.shape, *t.geometry[1:])
            gradient("dx", dx, t.dx, t.loss, t.x)
    for check in check_layer("Conv2d", student.call("Conv2d", 2, 3), rng.standard_normal((2, 4, 3, 2))):
        if not check.passed():
            raise WrongError(check.explain())


EXERCISE = Exercise(
    title="a convolution as matrix products",
    uses=("Layer",),
    cases=(
        Case(
            "im2col",
            3,
            ("im2col",),
            "output pixel (p, q) sees entry (i, j) of its patch at row p·stride + i and column q·stride + j of padded; "
            "that is a slice from i in steps of stride, P numbers long, and one for the columns",
            check_im2col,
        ),
        Case(
            "forward pass",
            1,
            ("im2col", "forward"),
            "y = cols·W with W = weight.reshape(-1, C_out)",
            check_forward,
        ),
        Case(
            "gradient of the weight",
            2,
            ("im2col", "weight_gradient"),
            "y = cols·W is a linear layer with output pixels for a batch: dW = colsᵀ·dy with dy as (N·P·Q, C_out)",
            check_weight_gradient,
        ),
        Case(
            "col2im",
            2,
            ("col2im",),
            "the same slice as in im2col, now on the left of +=; patches overlap, and = would lose what others gave",
            check_col2im,
        ),
        Case(
            "gradient of the input",
            2,
            ("im2col", "forward", "weight_gradient", "col2im", "input_gradient", "Conv2d"),
            "dcols = dy·Wᵀ as in a linear layer, and col2im takes dcols back to the image",
            check_input_gradient,
        ),
    ),
)
