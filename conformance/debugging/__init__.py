"""The debugger: a prompt over a running chain. What is typed is one side of the conversation.

setting.py                      what is debugged: the header of a scenario, control files, a target
steps.py                        what was done, to be done again: `:back`, `:restart`
lives.py  clocks.py             one life of a chain; its time, which stands still in the machine
session.py  watching.py         doing steps in a life; what happens meanwhile
inner_server.py                 who plays the inner program while nobody does
lanes.py                        the lanes as pexpect spawns: `:expect`, `:break`
debugger.py                     life after life, command after command
words.py, commands_*.py         the commands
screen.py  prompts.py  cast.py  what is seen, what is typed, and both as a recording
"""
