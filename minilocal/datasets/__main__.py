"""`python -m minilocal.datasets`: list and download data sets."""

from __future__ import annotations

if __name__ == "__main__":
    from minilocal.console.launch import launch

    launch("minilocal.datasets.__main__")

from collections.abc import Sequence

from minilocal.console.cli import Parser, command
from minilocal.console.text import shown
from minilocal.datasets.fetch import FETCHABLE, fetch
from minilocal.datasets.folders import cache_dir, find
from minilocal.datasets.loading import NAMES
from minilocal.errors import InputError


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with these arguments (by default the process's) -> the exit status."""
    parser = Parser(prog="python -m minilocal.datasets", description="List and download data sets.")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="print each data set, whether it is on this machine, and where")
    fetching = actions.add_parser("fetch", help="download a data set unless it is already on this machine")
    fetching.add_argument("name", choices=FETCHABLE, help="the data set")
    for action in (listing, fetching):
        action.add_argument("--data-dir", metavar="DIR", help="the folder of data sets (default: a cache folder)")
    fetching.add_argument("--mirror", metavar="URL", help="another address of a folder with the same files")
    fetching.add_argument("--quiet", action="store_true", help="print errors only")
    options = parser.parse_args(argv)

    if options.action == "list":
        for name in NAMES:
            print(f"{name:<18}  {shown(_place(name, options.data_dir))}")
    else:
        folder = fetch(options.name, options.data_dir, options.mirror, options.quiet)
        if not options.quiet:
            print(f"{options.name} is in {shown(folder)}")
    return 0


def _place(name: str, data_dir: str | None) -> str:
    try:
        return f"in {find(name, data_dir)[0]}"
    except InputError:
        if name not in FETCHABLE:
            return "missing; reinstall minilocal"
    try:
        return f"not in {data_dir or cache_dir()}; to download it: python -m minilocal.datasets fetch {name}"
    except InputError as error:  # there is no home folder
        return str(error)
