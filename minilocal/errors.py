"""What can go wrong in a way that a user can mend: one sentence each, no traceback."""


class InputError(ValueError):
    """Bad input: the message names the value and the remedy; commands print it and exit with status 2."""


class ShapeError(InputError):
    """An array, or images, of a shape that a layer or a network does not take."""


class TrainingError(RuntimeError):
    """A run that began cannot go on (non-finite loss, disk full); commands print it and exit with status 1."""


class NonFiniteError(TrainingError):
    """A loss, a gradient or a weight is NaN or infinite; the trainer adds epoch, step, block and layer.

    `layer` is the number of the layer whose classifier's loss it is, if it is a loss.
    """

    def __init__(self, message: str, layer: int | None = None) -> None:
        super().__init__(message)
        self.layer = layer


class LostWorkerError(TrainingError):
    """A process that training is shared with is gone."""


class Interrupted(KeyboardInterrupt):
    """Training was stopped by a signal, with all that it did saved; commands print it and exit with `status`.

    It is a `KeyboardInterrupt`, so that nothing that handles errors holds it up.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status
