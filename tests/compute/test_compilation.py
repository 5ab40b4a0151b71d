"""Kernels come from the cache if they are there and whole; otherwise they are compiled, and one sentence says so."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import pytest

from minilocal.compute import compilation
from minilocal.compute.compilation import announcement, kernel, on_compilation, sources

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled")

CODE = """
import numpy as np
from minilocal.compute.compilation import on_compilation
from minilocal.layers import AvgPool2d, Dropout, ReLU
x = np.ones((4, 4), np.float32)
with on_compilation(print):
    ReLU().forward(x)
    print("no kernel yet")
    print(Dropout(0.5).forward(x, training=True).sum() > 0)
    Dropout(0.5).forward(x.astype(np.float64), training=True)
AvgPool2d(2).forward(x.reshape(1, 4, 4, 1))
"""
ONCE = "compiling the kernels; this happens once, later runs find them cached"


def twice(x):
    return 2 * x


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Return the folder of the cache, with `twice` for integers in it."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(compilation, "_announcement", ONCE)
    assert compiles() == [ONCE]
    assert compiles() == []
    return tmp_path / "cache"


def compiles(x=21):
    """Return what is said if `twice` runs on x as in a new process."""
    said = []
    with on_compilation(said.append):
        assert kernel(twice)(x) == 2 * x
    return said


def test_it_is_said_once_and_not_when_kernels_are_cached(tmp_path):
    env = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    for expected in (f"no kernel yet\n{ONCE}\nTrue\n", "no kernel yet\nTrue\n"):
        run = subprocess.run([sys.executable, "-c", CODE], env=env, capture_output=True, text=True, check=True)
        assert run.stdout == expected


def test_a_damaged_file_counts_as_missing_and_is_replaced(cache):
    (path,) = cache.rglob("*.nbc")
    whole = path.read_bytes()
    damage = [b"", b"\0" * len(whole), whole + b"\0", b"\x80\x04N.", *(whole[:cut] for cut in (1, 40, 64, 5000, -1))]
    for at in (0, 31, 32, 63, 64, 300, len(whole) // 2, len(whole) - 1):
        damage.append(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    signature, context = (numba.int64,), numba.core.registry.cpu_target.target_context
    for content in damage:
        path.write_bytes(content)
        compilation._announcement = ONCE
        assert kernel(twice)._cache.load_overload(signature, context) is None
        assert "damaged" in announcement()
    (said,) = compiles()
    assert said.startswith(f"compiling the kernels again, as those cached in {path.parent} are damaged")
    assert compiles() == []


def test_a_file_that_can_not_be_read_or_replaced_is_no_reason_to_stop(cache):
    (path,) = cache.rglob("*.nbc")
    path.unlink()
    path.mkdir()
    assert compiles() == [ONCE]
    (said,) = compiles()  # now that we know
    assert said.startswith(f"compiling the kernels; {path.parent} can't be written (")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
@pytest.mark.parametrize("room", [0, compilation.ROOM])
def test_without_room_every_run_compiles_and_leaves_nothing_behind(cache, monkeypatch, room):
    """The limit stands for a full disk. With room 0, the disk fills up just before the kernel is kept."""
    import resource

    monkeypatch.setattr(compilation, "ROOM", room)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        said = compiles(1.5)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert announcement() == (
        f"compiling the kernels; {next(cache.iterdir())} can't be written (File too large), so each run compiles them; "
        "make room there, or set NUMBA_CACHE_DIR to another folder"
    )
    assert said == [announcement() if room else ONCE]
    assert len([file for file in cache.rglob("*") if file.is_file()]) == 1


def test_kernels_are_compiled_even_without_a_folder_for_the_cache(monkeypatch):
    monkeypatch.setattr("numba.core.caching.CacheImpl._locator_classes", [])
    monkeypatch.setattr(compilation, "_announcement", ONCE)
    for _ in range(2):
        (said,) = compiles()
        assert said.endswith("so each run compiles them; set NUMBA_CACHE_DIR to one")


def test_code_for_another_processor_or_other_sources_is_not_loaded(cache, monkeypatch):
    (path,) = cache.rglob("*.nbc")
    magic = "numba.core.codegen.JITCPUCodegen.magic_tuple"
    monkeypatch.setattr(magic, lambda self: ("x86_64-unknown-linux-gnu", "another", "+avx9"))
    assert compiles() == [ONCE]
    (other,) = set(cache.rglob("*.nbc")) - {path}  # so machines that share a home don't displace each other's files
    shutil.copy(path, other)
    assert compiles() == [ONCE]
    monkeypatch.setattr(compilation, "sources", lambda: "edited")
    assert compiles() == [ONCE]
    assert compiles() == []


def test_an_edit_in_any_file_of_kernels_or_compute_is_noticed(tmp_path, monkeypatch):
    package = Path(compilation.__file__).parents[1]
    for room in ("compute", "kernels"):
        shutil.copytree(package / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(compilation, "__file__", str(tmp_path / "compute" / "compilation.py"))
    seen = {sources()}
    assert seen == {sources.__wrapped__()}
    for room in ("compute", "kernels"):
        for file in (tmp_path / room).iterdir():
            file.write_text(file.read_text() + "\n")
            seen.add(sources.__wrapped__())
    assert len(seen) == 1 + len(list(tmp_path.rglob("*.py")))
