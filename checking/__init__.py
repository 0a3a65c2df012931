"""`acceptutils check`: what control files and the command line of a run script will do, and what is wrong.

It may import everything else here; nothing else here may import it.
"""
