import io

import pytest

from minilocal.datasets import progress as progress_module
from minilocal.datasets.progress import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("total", [1000, None])
def test_bar_on_a_terminal(monkeypatch, total):
    terminal = Terminal()
    monkeypatch.setattr(progress_module.sys, "stderr", terminal)
    with progress("file.gz", total) as advance:
        advance(1000)
    assert "file.gz" in terminal.getvalue()
    assert "1.00k" in terminal.getvalue()


def test_a_line_for_every_tenth(capsys):
    with progress("file.gz", 2000) as advance:
        for _ in range(200):
            advance(10)
    expected = ["file.gz: fetching 2,000 bytes", *(f"file.gz: {10 * tenth} %" for tenth in range(1, 11))]
    assert capsys.readouterr().err.splitlines() == expected


def test_unknown_length(capsys):
    with progress("file.gz", None) as advance:
        advance(10)
    assert capsys.readouterr().err == "file.gz: fetching\n"


def test_quiet(capsys):
    with progress("file.gz", 10, quiet=True) as advance:
        advance(10)
    assert capsys.readouterr().err == ""
