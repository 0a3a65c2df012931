"""`python -I -m acceptutils PROGRAM ...`: what the scripts in bin/ run."""

from acceptutils.runtime.cli import main

main()
