"""From what was seen in a session to a scenario: the debugger's `:save`, and logs of production sessions."""
