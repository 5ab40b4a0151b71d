"""Start a command: import its module and call its `main`, with a sentence for what goes wrong before that.

Every command's module does this above its other imports, which take a second:

    if __name__ == "__main__":
        from minilocal.console.launch import launch

        launch("minilocal.train")
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

RANKS = ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK")  # what MPI launchers tell each process


def launch(module: str) -> NoReturn:
    """Run the command in a module with this process's arguments, and exit with its status."""
    sys.exit(run(module))


def run(module: str, argv: Sequence[str] | None = None) -> int:
    """Import a command's module and call its `main`; return the exit status.

    Until it is imported, Ctrl-C ends the process at once, because a `KeyboardInterrupt` can get lost in other packages'
    imports. If a package refuses an environment variable, a sentence says so, and the status is 2.
    """
    name, ctrl_c = module.removesuffix(".__main__"), signal.getsignal(signal.SIGINT)
    if ctrl_c is signal.default_int_handler:  # neither ignored nor someone else's
        signal.signal(signal.SIGINT, lambda *_: interrupted(name))
    try:
        open_streams()
        main = importlib.import_module(module).main
    except ValueError as error:
        package, settings = _refused(error)
        if not settings:
            raise
        print(f"{name}: {package} can't be loaded ({error}); correct or unset {', '.join(settings)}", file=sys.stderr)
        return 2
    finally:
        if ctrl_c is signal.default_int_handler:
            signal.signal(signal.SIGINT, ctrl_c)
    return main(argv)


def interrupted(name: str) -> NoReturn:
    """Say that a command was interrupted, and end the process at once; of MPI's ranks, only the first says it."""
    if not is_other_rank():
        os.write(2, f"{name}: interrupted\n".encode())
    os._exit(130)


def is_other_rank() -> bool:
    """Whether MPI's launcher started this process as another rank than 0."""
    return any(os.environ.get(variable, "0") != "0" for variable in RANKS)


def open_streams() -> None:
    """Give a process without stdin, stdout or stderr the null device instead, which takes everything in silence.

    Otherwise, the next file that it opens would get the closed stream's number, and whatever the system's libraries
    print would go into that file.
    """
    while (file := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(file, True)
    os.close(file)
    for number, stream in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, stream) is None:
            setattr(sys, stream, open(number, "w", closefd=False))  # noqa: SIM115
        elif getattr(sys, stream).isatty():
            setattr(sys, stream, _on_terminal(getattr(sys, stream)))


def _on_terminal(stream: Any) -> Any:
    """Return the same stream, but one that falls silent when its terminal is closed instead of raising `OSError`."""
    import errno
    import io

    class Terminal(io.FileIO):
        def write(self, content: Any, /) -> int:
            try:
                return super().write(content)
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                return len(content)

    raw = Terminal(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw), stream.encoding, stream.errors, line_buffering=True)


def _refused(error: ValueError) -> tuple[str, list[str]]:
    """Return the package that raised an error, and the environment variables that belong to it, with their values."""
    trace: Any = error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    package = trace.tb_frame.f_globals.get("__name__", "").partition(".")[0]
    prefix = f"{package.upper()}_"
    return package, [f"{name}={value}" for name, value in os.environ.items() if name.startswith(prefix)]
