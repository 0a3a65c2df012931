"""The scenario format: what a .talk file says, its parser, its writer, its lint."""
