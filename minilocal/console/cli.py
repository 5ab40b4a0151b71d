"""What all commands share: errors in one sentence, exit statuses, and `minilocal COMMAND`.

Exit statuses: 0 success; 1 a run failed after it began; 2 bad input, and nothing was written; 130 stopped by Ctrl-C;
141 the reader of the output has gone; 143 stopped by SIGTERM; 128 + N stopped by another signal N, such as SIGHUP.
"""

from __future__ import annotations

import argparse
import errno
import functools
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from minilocal.console.launch import is_other_rank, run
from minilocal.console.signals import termination_raised
from minilocal.console.text import shown
from minilocal.errors import InputError, Interrupted, TrainingError

COMMANDS = {
    "train": ("minilocal.train", "train a network by BP, GX or GXSY"),
    "compare": ("minilocal.compare.__main__", "train with several algorithms and seeds, and compare with the paper"),
    "evaluate": ("minilocal.evaluate", "accuracy, confusion matrix and predictions of a finished run"),
    "report": ("minilocal.report", "runs as a page for a browser: curves, gradient maps, confusion matrices"),
    "export": ("minilocal.runs.export", "a run's weights as a safetensors file, for PyTorch and others"),
    "costs": ("minilocal.costs.__main__", "MACs, parameters, off-chip accesses and pipeline bounds, by formula"),
    "bench": ("minilocal.bench.__main__", "time steps, layers and workers; compare with PyTorch"),
    "gradcheck": ("minilocal.gradcheck", "check every hand-written gradient against central differences"),
    "grade": ("minilocal.grade.__main__", "mark the course's labs, for one student or for a class"),
    "datasets": ("minilocal.datasets.__main__", "list and download data sets"),
    "doctor": ("minilocal.doctor", "check that this machine is ready for the course"),
}


class Parser(argparse.ArgumentParser):
    """An `ArgumentParser` whose errors are one sentence, without the usage before it."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse as usual, but refuse `--flag=--`, which argparse turns into an empty list before Python 3.13."""
        args = sys.argv[1:] if args is None else list(args)
        for arg in args:
            if arg.startswith("-") and arg.endswith("=--"):
                self.error(f"argument {arg.removesuffix('=--')}: expected one argument")
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Print one sentence to stderr and exit with status 2."""
        self.exit(_complain(self.prog.removeprefix("python -m "), f"{message} (see --help)", 2))


def check_once(option: str, values: Sequence[object]) -> None:
    """Raise `InputError` if an option with several values has the same one twice."""
    for value in values:
        if values.count(value) > 1:
            raise InputError(f"{option} has {value} twice; name each once")


def command(main: Callable[[Sequence[str] | None], int]) -> Callable[..., int]:
    """Make a command turn errors that its user can fix into one sentence on stderr and an exit status."""

    @functools.wraps(main)
    def wrapped(argv: Sequence[str] | None = None) -> int:
        name = main.__module__
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")  # where × can't be printed, print ? instead of failing
        try:
            with termination_raised():
                return main(argv)
        except InputError as error:
            return _complain(name, error, 2)
        except TrainingError as error:
            return _complain(name, error, 1)
        except Interrupted as stop:
            return _complain(name, stop, stop.status)
        except KeyboardInterrupt:
            return 130 if is_other_rank() else _complain(name, "interrupted", 130)
        except BrokenPipeError:
            return _reader_gone()
        except MemoryError:
            return _complain(name, "there is not enough memory for this; try a smaller network or batch", 1)
        except OSError as error:
            if sys.platform == "win32" and error.errno == errno.EINVAL and error.filename is None:
                return _reader_gone()  # Windows' word for a broken pipe
            where = f" ({error.filename})" if error.filename else ""
            status = 2 if error.errno == errno.ENAMETOOLONG else 1  # no run has begun under such a name
            return _complain(name, f"the system says: {error.strerror or error}{where}", status)

    return wrapped


def _reader_gone() -> int:
    """Stop silently, as SIGPIPE would, because the reader of the output, such as `head`, has seen enough."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141


def _complain(name: str, sentence: object, status: int) -> int:
    """Print the sentence as one line, even if values in it contain line breaks, and return the status."""
    print(f"{name.removesuffix('.__main__')}: {shown(sentence)}", file=sys.stderr)
    return status


def main(argv: Sequence[str] | None = None) -> int:
    """Run `minilocal COMMAND ...`, which does the same as `python -m minilocal.COMMAND ...`."""
    from minilocal import __version__

    listing = "\n".join(f"  {name:<10} {text}" for name, (_, text) in COMMANDS.items())
    parser = Parser(
        prog="minilocal",
        description="Backpropagation and block-wise local learning, every gradient by hand.",
        epilog=f"commands:\n{listing}\n\n`minilocal COMMAND --help` explains a command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"minilocal {__version__}")
    parser.add_argument("command", nargs="?", choices=COMMANDS, metavar="COMMAND", help="one of the commands below")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="the command's own arguments")
    options = parser.parse_args(argv)
    if options.command is None:
        parser.error(f"name a command: {', '.join(COMMANDS)}")
    return run(COMMANDS[options.command][0], options.arguments)
