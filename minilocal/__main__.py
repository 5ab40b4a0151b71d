"""`python -m minilocal SUBCOMMAND` is the console command `minilocal SUBCOMMAND`."""

import sys

from minilocal.console.cli import main

if __name__ == "__main__":
    sys.exit(main())
