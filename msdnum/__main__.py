"""``python -m msdnum``: the command line."""

import sys

from msdnum.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
