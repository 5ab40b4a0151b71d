import builtins

import pytest

from minilocal.errors import InputError
from minilocal.pipeline.start import check_shareable, join_ranks
from minilocal.schedule import parse


def test_workers_refuse_bp_because_of_backward_locking():
    with pytest.raises(InputError, match=r"waits for the gradient of the layers after it \(backward locking\)"):
        check_shareable(parse("BP"))
    check_shareable(parse("G1"))


@pytest.mark.parametrize("error", [ImportError("No module named 'mpi4py'"), RuntimeError("cannot load MPI library")])
def test_without_mpi_the_error_says_what_to_install(monkeypatch, error):
    def load(name, *arguments, load=builtins.__import__):
        if name.startswith("mpi4py"):
            raise error
        return load(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", load)
    with pytest.raises(InputError, match=r'needs mpi4py and an MPI; run `pip install "minilocal\[mpi\]"`'):
        join_ranks()
