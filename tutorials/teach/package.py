"""`python -m minilocal.grade package FOLDER`: what students get and what a lecturer keeps, made from the solutions.

students.zip     the course, labs with holes, minilocal, and results for one public seed; no solutions
lecturer.zip     tutorials/teach/: solutions, cases, and what a lecturer takes along
hidden.cases     results for a seed of the lecturer's, for `--cases`
gradescope.zip   what Gradescope takes as an autograder
"""

from __future__ import annotations

import argparse
import io
import secrets
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from minilocal.console.cli import Parser
from minilocal.files import folder_for, replacing

sys.path.insert(0, str(Path(__file__).parent))
from recording import encoded, labs

ROOT = Path(__file__).parents[2]
ARCHIVES = ("students.zip", "lecturer.zip", "gradescope.zip")
HIDDEN = "hidden.cases"
SKIPPED = (
    "__pycache__",
    ".ipynb_checkpoints",
    HIDDEN,
    *ARCHIVES,
)  # of an earlier package, wherever it was put


def main(argv: Sequence[str]) -> int:
    """Write the archives."""
    parser = Parser(
        prog="python -m minilocal.grade package",
        description="Make the students' and lecturer's archives.",
    )
    parser.add_argument("folder", help="folder for the archives; it is made if it is missing")
    parser.add_argument(
        "--seed", type=natural, help="seed of the hidden cases (default: a new one)"
    )
    arguments = parser.parse_args(argv)
    seed = secrets.randbits(64) if arguments.seed is None else arguments.seed
    with folder_for(arguments.folder, "folder", *ARCHIVES, HIDDEN) as folder:
        hidden = encoded(labs(seed))
        for name, files in zip(ARCHIVES, (students(), lecturers(), gradescope()), strict=True):
            extra = {} if name == "students.zip" else {HIDDEN: hidden}
            _write(folder / name, zipped({**dict(files), **extra}))
        _write(folder / HIDDEN, hidden)
    print(f"{', '.join(ARCHIVES)} and {HIDDEN} (seed {seed}) are in {folder}")
    return 0


def natural(text: str) -> int:
    """Return a seed."""
    if not text.isascii() or not text.isdigit() or len(text) > 40:
        raise argparse.ArgumentTypeError(f"{text!r:.80} is no whole number from 0 on")
    return int(text)


def _write(path: Path, content: bytes) -> None:
    with replacing(path) as file:
        file.write(content)


def _files(*folders: str) -> Iterator[tuple[str, bytes]]:
    """Yield the files in folders of the clone, and files, by their path."""
    for folder in folders:
        place = ROOT / folder
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file() and not any(skipped in path.parts for skipped in SKIPPED):
                yield path.relative_to(ROOT).as_posix(), path.read_bytes()


def students() -> Iterator[tuple[str, bytes]]:
    """Yield the students' files: everything but tests and the lecturer's folder."""
    for name, content in _files(
        "minilocal", "data", "tutorials", "README.md", "LICENSE", "pyproject.toml"
    ):
        if not name.startswith("tutorials/teach/"):
            yield name, content


def lecturers() -> Iterator[tuple[str, bytes]]:
    """Yield the lecturer's files, to be unpacked over the students'."""
    yield from _files("tutorials/teach")


def gradescope() -> Iterator[tuple[str, bytes]]:
    """Yield an autograder's files: its two scripts at the top, and minilocal."""
    for name, content in _files("tutorials/teach/gradescope"):
        yield Path(name).name, content
    yield from _files("minilocal", "data", "README.md", "LICENSE", "pyproject.toml")


def zipped(files: dict[str, bytes]) -> bytes:
    """Return a zip archive; the same files always give the same bytes."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (0o755 if content.startswith(b"#!") else 0o644) << 16
            file.writestr(info, content, zipfile.ZIP_DEFLATED)
    return archive.getvalue()
