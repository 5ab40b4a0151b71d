import errno
import re
import subprocess
import sys

import pytest

from minilocal import __version__
from minilocal.console import cli
from minilocal.errors import InputError, TrainingError


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main([name, "--help"])
    assert stop.value.code == 0
    assert re.search(rf"usage: (python -m minilocal\.|minilocal ){name}\b", capsys.readouterr().out)


def test_help_lists_the_commands(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    out = capsys.readouterr().out
    assert all(name in out for name in cli.COMMANDS)


def test_python_m_minilocal_does_the_same_as_the_console_command():
    command = [sys.executable, "-m", "minilocal", "--version"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == f"minilocal {__version__}\n"


def test_version(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"minilocal {__version__}\n"


@pytest.mark.parametrize("argv", [[], ["fly"]])
def test_unknown_commands_are_refused(argv, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(argv)
    assert stop.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "status"),
    [(InputError("no such thing"), 2), (TrainingError("no such thing"), 1), (KeyboardInterrupt(), 130)],
)
def test_errors_become_a_sentence_and_a_status(error, status, capsys):
    @cli.command
    def main(argv):
        raise error

    assert main([]) == status
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("system", "error"),
    [("linux", BrokenPipeError(errno.EPIPE, "Broken pipe")), ("win32", OSError(errno.EINVAL, "Invalid argument"))],
)
def test_a_reader_that_has_seen_enough_ends_a_command_in_silence(system, error, monkeypatch, capfd):
    """Windows says something else than other systems do."""
    dropped = []
    monkeypatch.setattr(cli.sys, "platform", system)
    monkeypatch.setattr(cli.os, "dup2", lambda *files: dropped.append(files))

    @cli.command
    def main(argv):
        raise error

    assert main([]) == 141
    assert dropped
    assert capfd.readouterr().err == ""


def test_line_breaks_in_values_stay_on_one_line(capsys):
    assert cli.main(["train", "--dataset", "npz:a\nb\r\nc"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(SystemExit):
        cli.main(["train", "--epochs", "1\n2"])
    assert capsys.readouterr().err.count("\n") == 1


def test_bugs_keep_their_traceback():
    @cli.command
    def main(argv):
        raise KeyError("a bug of ours")

    with pytest.raises(KeyError):
        main([])


def test_importing_minilocal_loads_no_heavy_package():
    code = "import sys, minilocal; sys.exit(any(m in sys.modules for m in ('numba', 'matplotlib', 'numpy')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_commands_run_as_modules_without_warnings():
    command = [sys.executable, "-W", "error", "-m", "minilocal.train", "--algo", "Q"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert run.stderr.startswith("minilocal.train: algorithm 'Q' is unknown")


def test_public_names_exist():
    import minilocal

    for name in minilocal.__all__:
        assert getattr(minilocal, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = minilocal.nothing


@pytest.mark.parametrize("command", ["grade", "evaluate", "train --run-dir", "compare --sweep-dir"])
def test_a_name_that_is_too_long_is_bad_input(command, capsys):
    assert cli.main([*command.split(), "x" * 5000]) == 2
    assert capsys.readouterr().err.count("\n") == 1
