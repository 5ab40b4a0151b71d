"""Vectors of numbers for kernels: what a vector register holds, as a value.

A loop such as `for c in range(channels): y[c] += a * x[c]` is turned into vector instructions by the compiler, if it
sees how. The fastest kernels leave nothing to chance, and keep sums in registers over a whole loop. They say so:

    sums = loads(y, 0, channels, 4, lanes)                four vectors, each of 8 or 16 neighbouring sums
    for i in range(n):
        sums = add_products(sums, a, i, n, load(x, i * channels, lanes))
    stores(y, 0, channels, sums)

`lanes` is a tuple whose length is the number of lanes: the compiler must know it, and a tuple's length belongs to its
type. Arrays are flat. A product and the sum that it goes into are rounded once, where the processor can do that.

The functions below are what runs without the compiler (NUMBA_DISABLE_JIT=1): a vector is then a small array. The second
half of the file tells Numba which instruction each of them is.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numba
import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin, models, register_model

from minilocal.compute.compilation import Array

Lanes = tuple[int, ...]
Matrix = Sequence[Sequence[float]]


@functools.cache
def lanes(*channels: int) -> Lanes:
    """Return the widest lanes that divide all these numbers of channels: of length 16, 8 or, if none does, 0.

    16 float32 numbers fill a register of processors with AVX-512, and 8 one of those with AVX2.
    """
    features = getattr(numba.config, "CPU_FEATURES", None) or binding.get_host_cpu_features().flatten()
    lengths = (16, 8) if "+avx512f" in features else (8,)
    return (0,) * next((n for n in lengths if not any(c % n for c in channels)), 0)


def load(x: Array, at: int, lanes: Lanes) -> Any:
    """Return the vector x[at], x[at + 1], …"""
    return x[at : at + len(lanes)].copy()


def loads(x: Array, at: int, step: int, count: int, lanes: Lanes) -> Any:
    """Return a tuple of vectors, from x[at], x[at + step], … on; `count` must be a literal."""
    return tuple(load(x, at + i * step, lanes) for i in range(count))


def zeros(x: Array, lanes: Lanes) -> Any:
    """Return a vector of zeros with the dtype of x."""
    return np.zeros(len(lanes), x.dtype)


def store(y: Array, at: int, vector: Any) -> None:
    """Write a vector to y[at], y[at + 1], …"""
    y[at : at + len(vector)] = vector


def stores(y: Array, at: int, step: int, vectors: Any) -> None:
    """Write a tuple of vectors, from y[at], y[at + step], … on."""
    for i, vector in enumerate(vectors):
        store(y, at + i * step, vector)


def add_products(sums: Any, x: Array, at: int, step: int, vector: Any) -> Any:
    """Return a tuple of vectors: sums[0] + x[at]·vector, sums[1] + x[at + step]·vector, …"""
    return tuple(total + x[at + i * step] * vector for i, total in enumerate(sums))


class Vector(types.Type):
    """Numba's type of a vector: so many lanes of a dtype."""

    def __init__(self, dtype: Any, lanes: int) -> None:
        self.dtype, self.lanes = dtype, lanes
        super().__init__(name=f"Vector({dtype}, {lanes})")


@register_model(Vector)
class _Register(models.PrimitiveModel):
    def __init__(self, manager: Any, vector: Vector) -> None:
        super().__init__(manager, vector, ir.VectorType(manager.lookup(vector.dtype).get_value_type(), vector.lanes))


def _typed(function: Any, result: Any, key: Any = None) -> None:
    """Tell Numba the type of what a function returns, as a function of its arguments' types; None refuses them.

    Numba finds the function's instructions under `key`, by default under the function itself.
    """

    class Template(AbstractTemplate):
        prefer_literal = True

        def generic(self, args: Any, kws: Any) -> Any:
            found = result(*args)
            return found if found is None else signature(found, *args)

    infer_global(function, typing_key=key or function)(Template)


def _flat(array: Any) -> bool:
    return array.ndim == 1 and array.layout == "C"


def _vector(x: Any, lanes: Any) -> Vector | None:
    return Vector(x.dtype, lanes.count) if _flat(x) else None


_typed(load, lambda x, at, lanes: _vector(x, lanes))
_typed(loads, lambda x, at, step, count, lanes: types.UniTuple(_vector(x, lanes), count.literal_value))
_typed(zeros, lambda x, lanes: Vector(x.dtype, lanes.count))
_typed(store, lambda y, at, vector: types.none if _flat(y) and y.dtype == vector.dtype else None)
_typed(stores, lambda y, at, step, vectors: types.none if _flat(y) and y.dtype == vectors.dtype.dtype else None)
_typed(add_products, lambda sums, x, at, step, vector: sums if sums.dtype == vector and _flat(x) else None)


def _places(context: Any, builder: Any, kind: Any, array: Any, index: Any, length: int, steps: Any) -> Any:
    """Yield pointers into an array, at index, index + step, …, where `length` entries will be read or written."""
    data = context.make_array(kind)(context, builder, array)
    for i in range(steps[1]):
        at = builder.add(index, builder.mul(steps[0], ir.Constant(index.type, i))) if i else index
        if context.enable_boundscheck:
            for end in (at, builder.add(at, ir.Constant(at.type, length - 1))):
                cgutils.do_boundscheck(context, builder, end, builder.extract_value(data.shape, 0))
        yield builder.gep(data.data, [at])


def _load(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    single = len(args) == 3
    vector = sig.return_type if single else sig.return_type.dtype
    kind, steps = context.get_value_type(vector), (None, 1) if single else (args[2], sig.return_type.count)
    loaded = [
        builder.load(builder.bitcast(place, kind.as_pointer()), align=vector.dtype.bitwidth // 8)
        for place in _places(context, builder, sig.args[0], args[0], args[1], kind.count, steps)
    ]
    return loaded[0] if single else context.make_tuple(builder, sig.return_type, loaded)


def _store(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    single = len(args) == 3
    vectors = [args[2]] if single else cgutils.unpack_tuple(builder, args[3], sig.args[3].count)
    steps = (None if single else args[2], len(vectors))
    kind = vectors[0].type
    for place, vector in zip(
        _places(context, builder, sig.args[0], args[0], args[1], kind.count, steps), vectors, strict=True
    ):
        builder.store(vector, builder.bitcast(place, kind.as_pointer()), align=sig.args[0].dtype.bitwidth // 8)
    return context.get_dummy_value()


def _fill(builder: Any, number: Any, kind: Any) -> Any:
    """Return a vector of that kind with a number in every lane."""
    undefined = ir.Constant(kind, ir.Undefined)
    one = builder.insert_element(undefined, number, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(one, undefined, ir.Constant(ir.VectorType(ir.IntType(32), kind.count), None))


def _zeros(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return ir.Constant(context.get_value_type(sig.return_type), None)


# "contract" allows a·b + c to be rounded once, and nothing else: NaN and infinity stay what they are.
ROUNDED_ONCE = ("contract",)


def _add_products(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    sums, x, at, step, vector = args
    places = _places(context, builder, sig.args[1], x, at, 1, (step, sig.return_type.count))
    grown = [
        builder.fadd(
            total,
            builder.fmul(_fill(builder, builder.load(place), vector.type), vector, flags=ROUNDED_ONCE),
            flags=ROUNDED_ONCE,
        )
        for total, place in zip(cgutils.unpack_tuple(builder, sums, sig.return_type.count), places, strict=True)
    ]
    return context.make_tuple(builder, sig.return_type, grown)


lower_builtin(load, types.Array, types.Integer, types.UniTuple)(_load)
lower_builtin(loads, types.Array, types.Integer, types.Integer, types.Integer, types.UniTuple)(_load)
lower_builtin(zeros, types.Array, types.UniTuple)(_zeros)
lower_builtin(store, types.Array, types.Integer, Vector)(_store)
lower_builtin(stores, types.Array, types.Integer, types.Integer, types.UniTuple)(_store)
lower_builtin(add_products, types.UniTuple, types.Array, types.Integer, types.Integer, Vector)(_add_products)


def linear(matrix: Matrix) -> Callable[[Any], Any]:
    """Return a function for kernels that turns a tuple of vectors x into the tuple matrix · x.

    Two rows in succession that differ only in signs share their sums: one is a + b, the other a − b.
    """

    def multiply(x: Any) -> Any:
        return tuple(sum(number * vector for number, vector in zip(row, x, strict=True) if number) for row in matrix)

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        x, rows, products = cgutils.unpack_tuple(builder, args[0], sig.args[0].count), list(matrix), []
        while rows:
            row, twin = rows.pop(0), rows[0] if rows else ()
            same = [number if number == other else 0 for number, other in zip(row, twin or row, strict=True)]
            opposite = [number if number == -other else 0 for number, other in zip(row, twin or row, strict=True)]
            if any(same) and any(opposite) and [a + b for a, b in zip(same, opposite, strict=True)] == list(row):
                a, b, _ = _weighted_sum(builder, same, x), _weighted_sum(builder, opposite, x), rows.pop(0)
                products += [builder.fadd(a, b), builder.fsub(a, b)]
            else:
                products.append(_weighted_sum(builder, row, x))
        return context.make_tuple(builder, sig.return_type, products)

    _typed(multiply, lambda x: types.UniTuple(x.dtype, len(matrix)), key=lower)
    lower_builtin(lower, types.UniTuple)(lower)
    return multiply


def _weighted_sum(builder: Any, numbers: Sequence[float], vectors: Sequence[Any]) -> Any:
    """Return Σ number · vector, at least one number not being zero; those equal to 1 come first."""
    total = None
    for number, vector in sorted(zip(numbers, vectors, strict=True), key=lambda pair: pair[0] != 1):
        if number:
            factor = ir.Constant(vector.type, [float(number)] * vector.type.count)
            term = vector if number == 1 else builder.fmul(vector, factor, flags=ROUNDED_ONCE)
            total = term if total is None else builder.fadd(total, term, flags=ROUNDED_ONCE)
    return total


_typed(operator.add, lambda a, b: a if isinstance(a, Vector) and a == b else None)
lower_builtin(operator.add, Vector, Vector)(lambda context, builder, sig, args: builder.fadd(*args))
