"""Stand-ins for the library's objects, in the student's process, where the library itself is missing.

They have the interface of minilocal's: a layer has `forward(x, training=True)`, `backward(dy, need_dx=True)`, `params`,
`grads` and `release()`; an optimizer has `update(layer)`; a loss returns (value, correct, dx). What is called goes into
their `calls`, which the grader compares with what the reference solution calls.
"""

from __future__ import annotations

from typing import Any

import numpy as np


class StandIn:
    """An object that the grader makes: its arguments remade from plain values, and its state as plain values."""

    def __init__(self, name: str, **arguments: Any) -> None:
        self.name, self.arguments = name, arguments
        self.calls: list[str] = []

    def state(self) -> dict[str, Any]:
        """Return everything that is compared."""
        return {"name": self.name, "calls": self.calls}


class Layer(StandIn):
    """What layers have in common: `kept` is the x that forward keeps for backward."""

    def __init__(self, name: str, **arguments: Any) -> None:
        super().__init__(name, **arguments)
        self.kept: Any = arguments.get("kept")
        self.params = {key: np.array(value) for key, value in arguments.items() if key != "kept"}
        self.grads = {key: 0.1 * value for key, value in self.params.items()}  # until backward runs

    def forward(self, x: np.ndarray, training: bool = False) -> np.ndarray:
        """Return y."""
        self.calls.append("forward" if training else "forward without training")
        self.kept = x if training else None
        return self._forward(x)  # type: ignore[attr-defined]

    def backward(self, dy: np.ndarray, need_dx: bool = True) -> Any:
        """Return dx (None unless need_dx), and set `grads`."""
        self.calls.append("backward" if need_dx else "backward without dx")
        if self.kept is None:
            raise RuntimeError(f"{self.name}.backward needs forward(x, training=True) first")
        dx = self._backward(dy)  # type: ignore[attr-defined]
        return dx if need_dx else None

    def release(self) -> None:
        """Forget what forward kept."""
        self.calls.append("release")
        self.kept = None

    def state(self) -> dict[str, Any]:
        """Return parameters, gradients and calls."""
        kept = "nothing" if self.kept is None else "what forward kept"
        return super().state() | {"params": self.params, "grads": self.grads, "still keeps": kept}


class Linear(Layer):
    """y = x·weight for rows x (N, in)."""

    def _forward(self, x: np.ndarray) -> np.ndarray:
        return x @ self.params["weight"]

    def _backward(self, dy: np.ndarray) -> np.ndarray:
        self.grads["weight"] = self.kept.T @ dy
        return dy @ self.params["weight"].T


class Tanh(Layer):
    """y = tanh(x)."""

    def _forward(self, x: np.ndarray) -> np.ndarray:
        return np.tanh(x)

    def _backward(self, dy: np.ndarray) -> np.ndarray:
        return dy / np.cosh(self.kept) ** 2


class Loss(StandIn):
    """A local loss: the mean log cosh of A(x) − target[label], where A is a Linear in `layers`."""

    def __init__(self, name: str, weight: np.ndarray, targets: np.ndarray) -> None:
        super().__init__(name, weight=weight, targets=targets)
        self.layers = {"aux": Linear(f"{name}'s classifier", weight=weight)}

    def __call__(self, x: np.ndarray, labels: np.ndarray, need_dx: bool = True) -> tuple[float, int, Any]:
        """Return (value, correct, dx)."""
        self.calls.append("call" if need_dx else "call without dx")
        aux, targets = self.layers["aux"], self.arguments["targets"]
        y = aux.forward(x, training=True)
        away = y - targets[labels]
        correct = int(np.sum(np.abs(y[:, None] - targets).sum(axis=2).argmin(axis=1) == labels))
        return float(np.mean(np.log(np.cosh(away)))), correct, aux.backward(np.tanh(away) / away.size, need_dx)

    def state(self) -> dict[str, Any]:
        """Return its calls and its layer's state."""
        return super().state() | {"aux": self.layers["aux"].state()}


class Optimizer(StandIn):
    """Gradient descent without momentum, at the rate `lr`; calls are noted with the layer's name."""

    def update(self, layer: Layer) -> None:
        """Change a layer's parameters by its gradients."""
        self.calls.append(f"update {layer.name}")
        for key, param in layer.params.items():
            param -= self.arguments["lr"] * layer.grads[key]


CLASSES = {cls.__name__: cls for cls in (Linear, Tanh, Loss, Optimizer)}


def construction(value: Any) -> tuple[str, dict[str, Any]] | None:
    """Return a stand-in's class and arguments, or None for anything else."""
    return (type(value).__name__, {"name": value.name, **value.arguments}) if isinstance(value, StandIn) else None


def construct(kind: str, arguments: dict[str, Any]) -> Any:
    """Return a new stand-in."""
    return CLASSES[kind](**arguments)
