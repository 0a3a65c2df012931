"""How it is done: the only production code that touches trio, descriptors, processes and time."""
