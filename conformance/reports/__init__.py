"""Reports: the JSON lines of a run (`jsonl.py`), and everything that is made from them and from nothing else.

`facts.py` says what there is to report, `summary.py` draws the conclusions that all reports share;
`console.py`, `junit.py`, `tap.py` and `html.py` show them.
"""
