"""The conformance suite: transcripts that any implementation of the four programs can be held against.

A scenario (`talk.py`) becomes beats (`beats.py`), which a director (`director.py`) plays on a stage
(`stage.py`): the simulated machine (`sim.py`) or real processes (`real.py`).
"""
