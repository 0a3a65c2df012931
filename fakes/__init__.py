"""Everything that pretends: the programs around ours, and a whole computer in memory.

Each fake is one async function over `fakes.process.Process`, so the same code runs inside the
simulated machine and as a real program: `python -m fakes NAME`. No fake imports a core of
`acceptutils`: a fake that shared our parser would share our bugs.
"""
