"""The base class of all layers: forward, backward, parameters, gradients, and nothing hidden."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np

from minilocal.errors import InputError, ShapeError

FLOATS = np.dtype(np.float32), np.dtype(np.float64)


def _group(group: str) -> Any:
    """Return the property `params`, `grads` or `state`: a layer's own arrays, then those of the layers inside it."""

    def arrays(self: Layer) -> Arrays:
        own, layers = getattr(self._own, group), self.layers
        if not layers:
            return own
        inner = {f"{name}.{key}": a for name, layer in layers.items() for key, a in getattr(layer, group).items()}
        return Arrays(own | inner)

    def refuse(self: Layer, value: Any) -> None:
        raise AttributeError(f"{group} can't be replaced; assign to its arrays, as in {group}[...] = ...")

    return property(arrays, refuse)


class Layer:
    """A differentiable function with parameters, y = f(x; params).

    The first axis of x and y counts the N samples of a batch; a `shape` is that of one sample, without N. Arrays are
    float32 for training and float64 for gradient checks.

    Before a layer's forward or backward runs, also in layers of your own, the base class checks that x or dy fits, and
    copies it if it is not contiguous. Layers keep x and y themselves, not copies, and y may share x's memory: if you
    change x or y in place before backward, as by `y += x`, the gradients are wrong. `check_layer` finds that.

    A layer may have layers inside it: all those among its attributes, or in lists and dicts that are attributes. Their
    arrays belong to it too, under names such as `conv.weight`. See tutorials/own_layers.md.

    Attributes:
        params: name → array, trained by the optimizer.
        grads: name → array, same keys and shapes as params; `backward` overwrites them.
        state: name → array, saved but not trained (running statistics).
        kept: the names of the attributes that `forward(x, training=True)` keeps for `backward`.
    """

    kept: tuple[str, ...] = ()
    _places: dict[str, None]  # the names of the attributes that layers may be in
    _own: SimpleNamespace  # params, grads and state, without those of the layers inside it
    params: Arrays = _group("params")
    grads: Arrays = _group("grads")
    state: Arrays = _group("state")
    _sent: tuple[Any, Any] | None = None  # shape and dtype of the y that forward returned in training, for backward

    def __init_subclass__(cls) -> None:
        """Put the checks in front of the forward and backward that a layer defines."""
        if "forward" in vars(cls):
            cls.forward = _checking_x(cls.forward)  # type: ignore[method-assign]
        if "backward" in vars(cls):
            cls.backward = _checking_dy(cls.backward)  # type: ignore[method-assign]

    def __new__(cls, *_: Any, **__: Any) -> Any:
        """Make what the base class needs, so that it doesn't matter when super().__init__() is called."""
        layer = super().__new__(cls)
        vars(layer)["_places"] = {}
        layer._own = SimpleNamespace(params=Arrays(), grads=Arrays(), state=Arrays())
        Layer.release(layer)
        return layer

    def __init__(self) -> None:
        """Take no arguments; everything is there already."""

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute, and note whether layers may be in it: `layers` is asked for many times in a step."""
        super().__setattr__(name, value)
        if isinstance(value, PLACES):
            self._places[name] = None
        else:
            self._places.pop(name, None)

    @property
    def layers(self) -> Mapping[str, Layer]:
        """The layers inside this one by name, in the order in which they became attributes."""
        if not self._places:
            return NO_LAYERS
        return MappingProxyType(_found((name, vars(self).get(name)) for name in self._places))

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return the output y for a batch x; with training=True, keep what backward needs."""
        raise TypeError(f"{type(self).__name__} has no forward")

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> Any:
        """Given dy = dL/dy, overwrite `grads` and return dx = dL/dx (None unless need_dx)."""
        raise TypeError(f"{type(self).__name__} has no backward")

    def release(self) -> None:
        """Forget what forward kept for backward."""
        self._sent = None
        for name in self.kept:
            setattr(self, name, None)
        for layer in self.layers.values():
            layer.release()

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return one sample's output shape for its input shape; raise `ShapeError` if the input doesn't fit."""
        return shape

    def macs(self, shape: tuple[int, ...]) -> int:
        """Return how many multiply-adds the matrix products of one sample's forward pass take, padding included.

        The default is 0. A layer with layers inside it must say itself how they are put together.
        """
        if self.layers:
            raise TypeError(f"{type(self).__name__} has no macs, which would add up those of the layers inside it")
        return 0

    def operations(self, shape: tuple[int, ...]) -> Iterator[tuple[str, Layer, tuple[int, ...]]]:
        """Yield name, layer and input shape of each operation inside this layer; by default it is one itself."""
        yield "", self, shape

    def check_input(self, x: np.ndarray, training: bool) -> np.ndarray:
        """Return x, contiguous; in training it must have at least one sample.

        Raises `ShapeError` if its shape doesn't fit the layer, and `InputError` if its dtype is not that of the layer's
        arrays (mixing dtypes would quietly lose precision or time) or, without any, not float32 or float64.
        """
        name = type(self).__name__
        x = _contiguous(name, x)
        either = x.dtype if x.dtype in FLOATS else FLOATS[0]
        dtype = next((array.dtype for array in (self.params or self.state).values()), either)
        if x.dtype != dtype:
            raise InputError(f"{name} takes {dtype} and got {x.dtype}; use x.astype(np.{dtype})")
        self.output_shape(x.shape[1:])
        if x.ndim == 0 or 0 in (x.shape if training else x.shape[1:]):
            raise ShapeError(f"{name} got x of shape {x.shape}, in which there is nothing to compute with")
        return x

    def set_dropout_key(self, key: int) -> int:
        """Set the key of the next forward's dropout mask, and return the key for the next dropout in the same layer.

        Layers without dropout return the key as it is, and layers with layers inside them pass it from one to the next.
        """
        for layer in self.layers.values():
            key = layer.set_dropout_key(key)
        return key

    def add_param(self, name: str, value: np.ndarray) -> None:
        """Add a parameter, and an array of zeros for its gradient."""
        value = np.require(value, None, ["C", "A", "W"])  # so that it is trained in place
        dict.__setitem__(self._own.params, name, value)
        dict.__setitem__(self._own.grads, name, np.zeros_like(value))

    def add_state(self, name: str, value: np.ndarray) -> None:
        """Add an array that is saved but not trained."""
        dict.__setitem__(self._own.state, name, value)

    def __repr__(self) -> str:
        own = [f"{name} {'×'.join(map(str, p.shape))}" for name, p in self._own.params.items()]
        inner = [f"{name}={layer!r}" for name, layer in self.layers.items()]
        return f"{type(self).__name__}({', '.join(own + inner)})"


def _found(things: Iterable[tuple[Any, Any]], place: str = "") -> dict[str, Layer]:
    """Return the layers among named things, and in lists, tuples and dicts, where they get names such as `blocks.0`."""
    layers: dict[str, Layer] = {}
    for name, thing in things:
        if isinstance(thing, Layer):
            layers[f"{place}{name}"] = thing
        elif isinstance(thing, PLACES[1:]):
            layers |= _found(thing.items() if isinstance(thing, dict) else enumerate(thing), f"{place}{name}.")
    return layers


NO_LAYERS: Mapping[str, Layer] = MappingProxyType({})
PLACES: tuple[Any, ...] = (Layer, list, tuple, dict)


def normal(rng: np.random.Generator | int, shape: tuple[int, ...], variance: float, dtype: Any) -> np.ndarray:
    """Return normal random numbers with mean 0, drawn in float64 and then rounded to dtype.

    `rng` is a seed, or a generator that moves on. Raises `InputError` for None, which would give other numbers each
    time.
    """
    if rng is None:
        raise InputError("rng is None, so no two runs would start from the same weights; pass a seed or a Generator")
    return (math.sqrt(variance) * np.random.default_rng(rng).standard_normal(shape)).astype(dtype)


class Arrays(dict[str, np.ndarray]):
    """Arrays by name. Each stays where it is, because the layer around it, the optimizer and others refer to it too.

    So `arrays["weight"] = w` copies w into the array of that name, like `arrays["weight"][...] = w`, but raises
    `InputError` unless there is one, of the same shape and dtype. `Network.load` sets all arrays of a network.
    """

    def __setitem__(self, name: str, value: Any) -> None:
        mine, value = self.get(name), np.asarray(value)
        if mine is None or (value.shape, value.dtype) != (mine.shape, mine.dtype):
            arrays = ", ".join(f"{key}: {array.dtype} of shape {array.shape}" for key, array in self.items())
            raise InputError(f"{name!r} can't be set to {value.dtype} of shape {value.shape}; the arrays are {arrays}")
        mine[...] = value

    def update(self, *arrays: Any, **named: Any) -> None:
        """Assign to several."""
        for name, value in dict(*arrays, **named).items():
            self[name] = value

    def __reduce__(self) -> tuple[Any, ...]:
        return Arrays, (dict(self),)  # copies and pickles are made at once, not by assignments


def _checking_x(forward: Callable[..., Any]) -> Callable[..., Any]:
    """Return a forward that checks x first and, in training, notes what dy must be like."""

    @functools.wraps(forward)
    def checking(self: Layer, x: np.ndarray, training: bool = False) -> np.ndarray:
        if type(self).forward is checking:  # not called by a subclass, whose x may have another shape
            x = self.check_input(x, training)
        y = forward(self, x, training)
        if training:
            self._sent = np.shape(y), getattr(y, "dtype", None)
        return y

    return checking


def _checking_dy(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Return a backward that checks dy first: it must be like the y of the last forward in training."""

    @functools.wraps(backward)
    def checking(self: Layer, dy: np.ndarray, need_dx: bool = True) -> Any:
        if type(self).backward is checking:
            name = f"{type(self).__name__}.backward"
            if self._sent is None:
                raise RuntimeError(f"{name} needs forward(x, training=True) first")
            dy = _contiguous(name, dy)
            if (dy.shape, dy.dtype) != self._sent:
                shape, dtype = self._sent
                raise ShapeError(
                    f"{name} takes {dtype} of shape {shape}, like its y, not {dy.dtype} of shape {dy.shape}"
                )
        return backward(self, dy, need_dx)

    return checking


def _contiguous(name: str, array: np.ndarray) -> np.ndarray:
    """Return the array, or a copy if it is not contiguous or not writable: kernels are compiled for such arrays."""
    if type(array) not in (np.ndarray, np.memmap):  # a masked array, say, would lose its mask
        raise InputError(f"{name} takes a NumPy array, not a {type(array).__name__}; use np.asarray")
    array = np.asarray(array)
    return array if array.flags.carray else array.copy()
