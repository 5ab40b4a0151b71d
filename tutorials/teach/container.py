"""`python -m minilocal.grade ... --container`: the same command in a container, which can write nothing.

Build the image first, from the Dockerfile beside this file.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from minilocal.console.options import flag
from minilocal.errors import InputError
from minilocal.files import replacing

IMAGE = "minilocal-grade"
RUN = [
    *(
        "run",
        "--rm",
        "--network",
        "none",
        "--read-only",
        "--user",
        "65534:65534",
        "--cap-drop",
        "ALL",
    ),
    *(
        "--security-opt",
        "no-new-privileges",
        "--pids-limit",
        "512",
        "--memory",
        "4g",
        "--memory-swap",
        "4g",
    ),
    *("--tmpfs", "/tmp:size=64m"),
]
ENGINE_FAILED = 125  # docker's and podman's exit status if the container didn't start


def main(path: Path, options: dict[str, Any]) -> int:
    """Run the command with these options on what is at `path`, and return its exit status."""
    engine = shutil.which("docker") or shutil.which("podman")
    if engine is None:
        raise InputError(
            "--container needs docker or podman; install one of them, or leave the option out"
        )
    if not path.exists():
        raise InputError(f"{path} does not exist; give a folder of hand-ins")
    mounts, flags = ["-v", f"{path.resolve()}:/hand-ins:ro"], []
    if "cases" in options:
        mounts += ["-v", f"{options['cases'].resolve()}:/cases:ro"]
    for name, value in options.items():
        value = {"cases": "/cases", "csv": "-", "container": False}.get(name, value)
        if value is not False:
            words = value if isinstance(value, tuple) else () if value is True else (value,)
            flags += [flag(name), *map(str, words)]
    whole = [engine, *RUN, *mounts, IMAGE, "python", "-m", "minilocal.grade", "/hand-ins", *flags]
    csv = options.get("csv", Path("-"))
    result = subprocess.run(whole, stdout=None if csv == Path("-") else subprocess.PIPE)
    if result.returncode == ENGINE_FAILED:
        raise InputError(
            f"{Path(engine).name} could not start the container; build the image first, as the Dockerfile says"
        )
    if csv == Path("-"):
        return result.returncode
    if result.returncode == 0:
        with replacing(csv) as file:
            file.write(result.stdout)
        print(f"the marks are in {csv}")
    return result.returncode
