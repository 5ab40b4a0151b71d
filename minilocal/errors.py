"""What can go wrong in a way that a user can mend: one sentence each, no traceback."""


class InputError(ValueError):
    """Bad input: the message names the value and the remedy; commands print it and exit with status 2."""


class ShapeError(InputError):
    """An array, or images, of a shape that a layer or a network does not take."""


class TrainingError(RuntimeError):
    """A run that began cannot go on (non-finite loss, disk full); commands print it and exit with status 1."""
