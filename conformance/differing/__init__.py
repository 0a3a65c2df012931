"""Generated dialogues, played on two targets without expectations."""
