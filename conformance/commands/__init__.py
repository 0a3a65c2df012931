"""The commands of `conform`, one function each: parsed arguments in, exit code out (cli.py)."""
