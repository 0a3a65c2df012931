"""What a program's source uses: variables, control files, exit codes, log lines, replies.

Read off the syntax trees of all that the program can reach.
"""

import ast
import re
from collections.abc import Iterator
from functools import cached_property

from tests.manuals.page import HOLE
from tests.manuals.reach import Function, Reach, name_of, tree

_WORD = re.compile(r"_{0,2}[A-Z][A-Z0-9_]{2,}")
_FAMILY = re.compile(r"([A-Z]+_)\[")  # a regular expression for the names of variables
_ENVIRONMENTS = {"env", "_env", "environ", "environb", "inner"}
_ENDINGS = {"Exit", "exit", "_exit", "_stop", "refusal"}
_LOGS = {"Log", "log", "_log", "refusal", "BadUsageError", "BadRuleError"}
_REPLY = re.compile(r"([0-9]{3}[ -]|\+OK|-ERR)")


class Source(Reach):
    """Everything that one program can reach."""

    # What the program uses

    @cached_property
    def words(self) -> set[str]:
        """Return the constants that look like a variable or a verb."""
        texts = {str(text) for node in self.nodes for text in _constants(node)}
        families = {f"{found[1]}*" for text in texts if (found := _FAMILY.match(text))}
        return {text for text in texts if _WORD.fullmatch(text)} | families

    @cached_property
    def variables(self) -> set[str]:
        """Return the names that are looked up, set or removed in something called an environment."""
        return {name for node in self._walk() for name in self._accessed(node)}

    @cached_property
    def exit_codes(self) -> set[int]:
        """Return the numbers that the program may end with, or that decide how it ends."""
        return {code for node in self._walk() for code in self._ends_with(node)}

    @cached_property
    def logs(self) -> set[str]:
        """Return the pieces of log lines, with HOLE for what is filled in."""
        found: set[str] = set()
        for function in self.nodes:
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and name_of(call.func) in _LOGS:
                    for argument in call.args:
                        found |= self._texts(argument, function, set())
        return found

    @cached_property
    def texts(self) -> set[str]:
        """Return all constants, with HOLE for what is filled in."""
        return {_with_holes(str(text)) for node in self.nodes for text in _constants(node)}

    @cached_property
    def replies(self) -> set[str]:
        """Return the constants that are replies, or the beginning of one."""
        return {text for text in self.texts if _REPLY.match(text)}

    def _walk(self) -> Iterator[ast.AST]:
        for node in self.nodes:
            yield from ast.walk(node)

    # What an expression may be

    def _constant(self, node: ast.AST) -> object:
        """Return the value of a constant, or of the name of one in capitals; None for anything else."""
        if isinstance(node, ast.Constant):
            return node.value
        name = name_of(node)
        for known in {name, self.aliases.get(name, name)}:
            for defined in self.defined.get(known, []):
                value = defined.value if isinstance(defined, ast.Assign | ast.AnnAssign) else None
                if known.isupper() and isinstance(value, ast.Constant):
                    return value.value
        return None

    def _accessed(self, node: ast.AST) -> Iterator[str]:
        keys: list[ast.expr | None] = []
        if isinstance(node, ast.Compare) and name_of(node.comparators[0]) in _ENVIRONMENTS:
            keys = [node.left]
        elif isinstance(node, ast.Subscript) and name_of(node.value) in _ENVIRONMENTS:
            keys = [node.slice]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            if node.func.attr in {"get", "pop"} and name_of(node.func.value) in _ENVIRONMENTS:
                keys = [node.args[0]]
        elif isinstance(node, ast.Dict):
            inherits = any(
                key is None and name_of(value) in _ENVIRONMENTS
                for key, value in zip(node.keys, node.values, strict=True)
            )
            keys = node.keys if inherits else []
        for key in keys:
            name = self._constant(key) if key else None
            if isinstance(name, str | bytes):
                yield _decoded(name)

    def _ends_with(self, node: ast.AST) -> Iterator[int]:
        if isinstance(node, ast.Call) and name_of(node.func) in _ENDINGS and node.args:
            yield from self._numbers(node.args[-1])
        elif isinstance(node, ast.Return) and isinstance(node.value, ast.Attribute):
            yield from self._numbers(node.value)
        elif isinstance(node, ast.Compare) and name_of(node.left) == "code":
            for number in node.comparators:
                if isinstance(number, ast.Set):
                    yield from (code for element in number.elts for code in self._numbers(element))

    def _numbers(self, node: ast.expr) -> Iterator[int]:
        if isinstance(node, ast.IfExp):
            yield from self._numbers(node.body)
            yield from self._numbers(node.orelse)
        else:
            value = self._constant(node)
            if isinstance(value, int) and not isinstance(value, bool):
                yield value

    def _texts(self, node: ast.AST, function: ast.AST, seen: set[ast.AST]) -> set[str]:
        """Return the texts that an expression in `function` may consist of."""
        if node in seen:
            return set()
        seen.add(node)
        if isinstance(node, ast.Constant):
            return {_with_holes(_decoded(node.value))} if isinstance(node.value, str | bytes) else set()
        parts: list[ast.AST] = list(ast.iter_child_nodes(node))
        if isinstance(node, ast.IfExp):
            parts = [node.body, node.orelse]
        elif isinstance(node, ast.Name):
            parts = [*_assigned(function, node.id)]
        texts = {text for part in parts for text in self._texts(part, function, seen)}
        if isinstance(node, ast.Call):
            for called in self._meant(node.func, function):
                if isinstance(called, Function):
                    texts |= {text for part in _returned(called) for text in self._texts(part, called, seen)}
        elif isinstance(node, ast.Name | ast.Attribute):
            for constant in self._meant(node, function):
                if isinstance(constant, ast.Assign | ast.AnnAssign) and constant.value:
                    texts |= self._texts(constant.value, constant, seen)
        return texts

    def _meant(self, name: ast.expr, function: ast.AST) -> list[ast.AST]:
        """Return the definitions that a name in `function` may mean, those of the same module first."""
        reached = [node for node in self.defined.get(name_of(name), []) if node in self.nodes]
        own = [node for node in reached if self.homes[node] is self.homes.get(function)]
        return own if own and isinstance(name, ast.Name) else reached


def _decoded(text: str | bytes) -> str:
    return text.decode("latin-1") if isinstance(text, bytes) else text


def _with_holes(text: str) -> str:
    return re.sub(r"%-?\d*[bdr]", HOLE, text).strip("\r\n")


def _constants(node: ast.AST) -> Iterator[str]:
    """Yield the texts below a node, but for what is for the operating system."""
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and name_of(node.func.value) == "os"
    ):
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
        yield _decoded(node.value)
    for part in ast.iter_child_nodes(node):
        yield from _constants(part)


def _assigned(function: ast.AST, name: str) -> list[ast.expr]:
    found: list[ast.expr] = []
    for node in ast.walk(function):
        if isinstance(node, ast.Assign | ast.NamedExpr):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found += [node.value] if name in map(name_of, targets) else []
    return found


def _returned(function: Function) -> list[ast.expr]:
    return [node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value]


def constants_of(module: str) -> set[str]:
    """Return all texts in a module."""
    return set(_constants(tree(module)))
