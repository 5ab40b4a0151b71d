"""A convolution as matrix products: im2col, the product, and the way back."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

import minilocal as ml
from minilocal.grade.case import Exercise, case
from minilocal.grade.expect import Trial, about, layer_gradients, same
from minilocal.grade.student import Student

GEOMETRIES = ((1, 1, 0), (3, 1, 1), (2, 2, 0), (3, 2, 1))  # kernel, stride, padding


class ConvTrial(Trial):
    """A trial of a convolution, with im2col and col2im by plain loops."""

    def __init__(self, x: np.ndarray, c_out: int, geometry: tuple[int, int, int], rng: np.random.Generator) -> None:
        super().__init__(ml.Conv2d(x.shape[3], c_out, *geometry, rng=rng, dtype=np.float64), x, rng)
        self.geometry = k, _, _ = geometry
        self.patches = (*self.y.shape[:3], k, k, x.shape[3])  # the shape (N, P, Q, k, k, C_in) of the columns

    def __str__(self) -> str:
        (k, stride, padding), (_, height, width, _) = self.geometry, self.x.shape
        return f"{k}×{k} kernel, stride {stride}, padding {padding}, {height}×{width} maps"

    def taps(self) -> Iterator[tuple[tuple[int, ...], tuple[int, int]]]:
        """Yield ((p, q, i, j), (h, w)) for every entry of a patch that lies inside the image."""
        _, stride, padding = self.geometry
        _, height, width, _ = self.x.shape
        for p, q, i, j in product(*map(range, self.patches[1:5])):
            h, w = p * stride + i - padding, q * stride + j - padding
            if 0 <= h < height and 0 <= w < width:
                yield (p, q, i, j), (h, w)

    def im2col(self) -> np.ndarray:
        """Return the columns of x."""
        cols = np.zeros(self.patches)
        for (p, q, i, j), (h, w) in self.taps():
            cols[:, p, q, i, j] = self.x[:, h, w]
        return cols.reshape(-1, cols[0, 0, 0].size)

    def col2im(self, cols: np.ndarray) -> np.ndarray:
        """Return the image to which the columns are added back."""
        image, patches = np.zeros(self.x.shape), cols.reshape(self.patches)
        for (p, q, i, j), (h, w) in self.taps():
            image[:, h, w] += patches[:, p, q, i, j]
        return image


def trials(rng: np.random.Generator) -> Iterator[ConvTrial]:
    """Yield a trial for each geometry; its maps are higher than wide, and it has more output than input channels."""
    for geometry in GEOMETRIES:
        width, c_in = int(rng.integers(3, 6)), int(rng.integers(2, 4))
        height, c_out = width + int(rng.integers(1, 3)), c_in + int(rng.integers(1, 3))
        yield ConvTrial(rng.standard_normal((2, height, width, c_in)), c_out, geometry, rng)


@case(
    "im2col",
    3,
    ("im2col",),
    "output pixel (p, q) sees entry (i, j) of its patch at row p·stride + i and column q·stride + j of padded: take a "
    "slice of the rows that starts at i and has P numbers in steps of stride, and a slice of the columns likewise",
)
def check_im2col(student: Student, rng: np.random.Generator) -> None:
    """Compare the columns with those made by loops."""
    for t in trials(rng):
        with about(str(t)):
            same("cols", student.call("im2col", t.x, *t.geometry), t.im2col())


@case("forward pass", 1, ("im2col", "forward"), "y = cols·W with W = weight.reshape(-1, C_out)")
def check_forward(student: Student, rng: np.random.Generator) -> None:
    """Compare y with the library's."""
    for t in trials(rng):
        with about(str(t)):
            same("y", student.call("forward", t.x, t.params["weight"], *t.geometry[1:]), t.y)


@case(
    "gradient of the weight",
    2,
    ("im2col", "weight_gradient"),
    "y = cols·W is a linear layer whose batch is all output pixels: dW = colsᵀ·dy with dy as (N·P·Q, C_out)",
)
def check_weight_gradient(student: Student, rng: np.random.Generator) -> None:
    """Check dL/dweight."""
    for t in trials(rng):
        with about(str(t)):
            t.check_gradient("weight", student.call("weight_gradient", t.x, t.dy, *t.geometry))


@case(
    "col2im",
    2,
    ("col2im",),
    "use the same slice as in im2col, now on the left of +=; patches overlap, and = would overwrite what others added",
)
def check_col2im(student: Student, rng: np.random.Generator) -> None:
    """Compare the image with the one made by loops."""
    for t in trials(rng):
        cols = rng.standard_normal(t.im2col().shape)
        with about(str(t)):
            same("the image", student.call("col2im", cols, t.x.shape, *t.geometry), t.col2im(cols))


@case(
    "gradient of the input",
    2,
    ("im2col", "forward", "weight_gradient", "col2im", "input_gradient", "Conv2d"),
    "dcols = dy·Wᵀ as in a linear layer, and col2im adds dcols back to the image",
)
def check_input_gradient(student: Student, rng: np.random.Generator) -> None:
    """Check dL/dx, and the class."""
    for t in trials(rng):
        with about(str(t)):
            dx = student.call("input_gradient", t.dy, t.params["weight"], t.x.shape, *t.geometry[1:])
            t.check_gradient("x", dx)
    layer_gradients("Conv2d", student.call("Conv2d", 2, 3), rng.standard_normal((2, 4, 3, 2)))


EXERCISE = Exercise(
    title="a convolution as matrix products",
    uses=("Layer",),
    cases=(check_im2col, check_forward, check_weight_gradient, check_col2im, check_input_gradient),
)
