"""The conformance suite: transcripts that any implementation of the four programs can be held against.

A scenario (`format/talk.py`) becomes beats (`playing/beats.py`), which a director (`playing/director.py`)
plays on a stage (`playing/stage.py`): the simulated machine (`machine/sim.py`) or real processes
(`processes/real.py`).
"""
