"""What can go wrong in a way that a user can mend: one sentence each, no traceback."""


class InputError(ValueError):
    """Bad input: the message names the value and the remedy; commands print it and exit with status 2."""


class TrainingError(RuntimeError):
    """A run that began cannot go on (non-finite loss, disk full); commands print it and exit with status 1."""
