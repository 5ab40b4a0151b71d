import os
import subprocess
import sys

import numpy as np
import pytest

from minilocal.console.plots import drawing, if_possible, new_figure, save
from minilocal.errors import TrainingError
from minilocal.runs.figures import draw_confusion


@pytest.mark.parametrize("backend", ["", "module://matplotlib_inline.not_installed", "nonsense"])
def test_pictures_do_not_depend_on_the_users_matplotlib(tmp_path, backend):
    """A notebook passes its backend on to the commands that it starts; LaTeX may not be installed."""
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nfont.size: 30\nbackend: pdf\nsavefig.dpi: 7\n")
    code = (
        "from pathlib import Path; import numpy; from minilocal.runs.figures import draw_confusion\n"
        "draw_confusion(numpy.eye(3, dtype=int), 'abc', 'title', Path('theirs.png'))"
    )
    environment = os.environ | {"MPLBACKEND": backend, "MATPLOTLIBRC": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert (run.returncode, run.stderr) == (0, b"")
    draw_confusion(np.eye(3, dtype=int), "abc", "title", tmp_path / "ours.png")
    assert (tmp_path / "theirs.png").read_bytes() == (tmp_path / "ours.png").read_bytes()


def test_what_cannot_be_drawn_is_one_sentence(tmp_path, monkeypatch, capsys):
    """A traceback of Matplotlib's, hours after training began, must not hide the result."""

    def refuse(*_, **__):
        raise RuntimeError("latex was\nnot able to process this")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", refuse)
    with if_possible(), drawing():
        save(new_figure(3, 3), tmp_path / "a.png")
    err = capsys.readouterr().err
    assert err == "not drawn: Matplotlib can't draw this (latex was not able to process this)\n"
    with pytest.raises(TrainingError), drawing():
        save(new_figure(3, 3), tmp_path / "a.png")
    assert not list(tmp_path.iterdir())
