import builtins

import pytest

from minilocal.errors import InputError
from minilocal.pipeline.start import join_ranks


@pytest.mark.parametrize("error", [ImportError("No module named 'mpi4py'"), RuntimeError("cannot load MPI library")])
def test_without_mpi_the_error_says_what_to_install(monkeypatch, error):
    def load(name, *arguments, load=builtins.__import__):
        if name.startswith("mpi4py"):
            raise error
        return load(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", load)
    with pytest.raises(InputError, match=r'needs mpi4py and an MPI; run `pip install "minilocal\[mpi\]"`'):
        join_ranks()
