"""On what a run is trained: library versions and the kind of processor, on which its last bits depend."""

from __future__ import annotations

import os
import platform
from typing import Any

import llvmlite.binding
import numba
import numpy as np
from threadpoolctl import threadpool_info

from minilocal import __version__


def machine() -> dict[str, str]:
    """Return versions of libraries, which of BLAS's kernels NumPy uses, and the processor that Numba compiles for."""
    blas = [library for library in threadpool_info() if library["user_api"] == "blas"]
    names = {" ".join(str(b.get(key)) for key in ("internal_api", "version", "architecture")) for b in blas}
    return {
        "minilocal": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
        "blas": ", ".join(sorted(names)) or "unknown",
        "cpu": os.environ.get("NUMBA_CPU_NAME") or llvmlite.binding.get_host_cpu_name(),
    }


def changes(began: Any, machines: list[Any]) -> str:
    """Return in words how machines differ from the one on which a run began; "" if they don't, as far as is known.

    >>> changes({"numpy": "2.3", "cpu": "haswell"}, [{"numpy": "2.3", "cpu": "znver4", "blas": "mkl"}])
    'cpu was haswell, then znver4'
    """
    if not all(isinstance(machine, dict) for machine in (began, *machines)):
        return ""
    others = {name: [m[name] for m in machines if name in m and m[name] != value] for name, value in began.items()}
    differing = {name: dict.fromkeys(map(str, values)) for name, values in others.items() if values}
    return "; ".join(f"{name} was {began[name]}, then {' and '.join(values)}" for name, values in differing.items())
