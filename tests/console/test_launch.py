"""Commands as processes: Ctrl-C while they import, closed streams, environment variables that make no sense."""

import os
import signal
import subprocess
import sys

import pytest

from minilocal.console import cli

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs signals and terminals as POSIX has them")


def start(argv, **settings):
    return subprocess.Popen([sys.executable, "-m", *argv], stderr=subprocess.PIPE, text=True, **settings)


@posix
@pytest.mark.parametrize("name", {*cli.COMMANDS} - {"costs", "doctor"})  # which import no arrays
def test_ctrl_c_while_a_command_is_imported_is_one_sentence(name, tmp_path):
    """A module that stands in for NumPy says when its import begins, and then takes for ever."""
    (tmp_path / "numpy.py").write_text("import os, time\nos.write(1, b'.')\ntime.sleep(60)")
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    module = cli.COMMANDS[name][0].removesuffix(".__main__")
    for argv in ([module], ["minilocal", name]):
        process = start([*argv, "list"], stdout=subprocess.PIPE, env=environment)
        assert process.stdout.read(1) == "."
        process.send_signal(signal.SIGINT)
        assert process.communicate() == ("", f"{module}: interrupted\n")
        assert process.returncode == 130


@posix
def test_of_the_ranks_of_mpi_one_says_that_they_are_interrupted(tmp_path):
    (tmp_path / "numpy.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)")
    for rank, says in (("0", "minilocal.train: interrupted\n"), ("1", "")):
        environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
        process = start(["minilocal.train"], env=environment | {"PMI_RANK": rank})
        assert process.communicate()[1] == says
        assert process.returncode == 130


@pytest.mark.parametrize(("name", "value"), [("TQDM_MININTERVAL", "soon"), ("NUMBA_NUM_THREADS", "0")])
def test_an_environment_variable_that_makes_no_sense_is_named(name, value):
    process = start(["minilocal.train", "--describe"], env=os.environ | {name: value})
    _, err = process.communicate()
    assert (process.returncode, err.count("\n")) == (2, 1)
    assert err.startswith(f"minilocal.train: {name.partition('_')[0].lower()} can't be loaded (")
    assert "; correct or unset " in err
    assert f"{name}={value}" in err


@posix
@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)])
def test_a_command_without_its_streams_is_silent_and_goes_on(closed, quick, tmp_path):
    """As `>&-` in a shell does it. No file of the run gets the number of a closed stream."""
    argv = [sys.executable, "-m", "minilocal.train", *quick, "--epochs", "1", "--run-dir", "run"]
    code = f"import os; [os.close(number) for number in {closed}]; os.execv({sys.executable!r}, {argv})"
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert ("test accuracy" in run.stdout) == (1 not in closed)
    assert (tmp_path / "run" / "gradient_map.png").exists()


@posix
def test_training_goes_on_after_its_terminal_is_closed(quick, tmp_path):
    """As with `nohup`, which lets a process ignore SIGHUP; from then on, it can't write to the terminal."""
    import pty

    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "minilocal.train", *quick, "--epochs", "3", "--run-dir", "run"],
        cwd=tmp_path, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )  # fmt: skip
    os.close(slave)
    os.read(master, 1)
    os.close(master)
    assert process.wait() == 0
    assert len((tmp_path / "run" / "timing.csv").read_text().splitlines()) == 4
