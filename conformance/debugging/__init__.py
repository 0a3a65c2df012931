"""The debugger: a prompt over a running chain. What is typed is one side of the conversation.

setting.py  usual.py            what is debugged: the header of a scenario, control files, a target
steps.py                        what was done, to be done again: `:back`, `:restart`
lives.py  clocks.py             one life of a chain; its time, which stands still in the machine
session.py                      doing steps in a life
record.py  watching.py          what was seen in it; what happens besides bytes
inner_server.py                 who plays the inner program while nobody does
lanes.py                        the lanes as pexpect spawns: `:expect`, `:break`
debugger.py  obeying.py         life after life; line after line
words.py, table.py, commands_*  the commands
reasons.py  differences.py      `:why`, `:rules`; what is not as it was
screen.py  cast.py              what is seen, and that as a recording
prompts.py  completion.py  interrupts.py    what is typed: lines, Tab, Ctrl-C
"""
