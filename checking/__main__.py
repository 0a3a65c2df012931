"""python -m checking: the same as acceptutils."""

import sys

from checking.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
