"""Why a reply is what it is: the rules of the specification, and the lines of control/fixsmtpio."""
