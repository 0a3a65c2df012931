"""What of our source a program can reach.

From its driver and its world along names, as far as its modules import each other. A name counts as
reached wherever it is mentioned, so this is rather too much than too little.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAMS = ("reup", "authup", "checknotroot", "fixsmtpio")
WORLDS = {"reup": "launcher", "checknotroot": "launcher", "authup": "posix", "fixsmtpio": "posix"}
GUARD = "acceptutils.runtime.cli"
GUARDS = ("main", "_run_guarded")  # what happens around each driver; the rest of it starts all of them
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def tree(module: str) -> ast.Module:
    """Return a module's syntax tree, without docstrings."""
    path = ROOT / module.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    parsed = ast.parse(file.read_text())
    for node in ast.walk(parsed):
        if isinstance(node, ast.Module | ast.ClassDef | Function) and ast.get_docstring(node) is not None:
            node.body[0] = ast.Pass()
    return parsed


class Reach:
    """The parts of the syntax trees that one program can reach: `nodes`."""

    def __init__(self, program: str) -> None:
        self.aliases: dict[str, str] = {}
        self.defined: dict[str, list[ast.AST]] = {}
        self.homes: dict[ast.AST, ast.Module] = {}
        self._fields: set[str] = set()
        guards = [node for node in tree(GUARD).body if isinstance(node, Function) and node.name in GUARDS]
        guard = ast.Module([*guards], [])
        drivers = [tree(f"acceptutils.runtime.{name}") for name in (program, WORLDS[program])]
        for module in self._imported([guard, *drivers]):
            self._define(module)
        self.nodes = list(self._reach([program, "run", *GUARDS]))

    def _imported(self, modules: list[ast.Module]) -> list[ast.Module]:
        """Return the modules and what they import of ours, directly or not."""
        found: list[ast.Module] = []
        while modules:
            module = modules.pop()
            if module in found:
                continue
            found.append(module)
            for node in ast.walk(module):
                self.homes[node] = module
                if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("acceptutils"):
                    self.aliases |= {name.asname: name.name for name in node.names if name.asname}
                    names = [f"{node.module}.{name.name}" for name in node.names]
                    modules += [tree(name) for name in (node.module, *names) if _exists(name)]
        return found

    def _define(self, module: ast.Module) -> None:
        for node in module.body:
            if isinstance(node, Function | ast.ClassDef):
                self.defined.setdefault(node.name, []).append(node)
            for target in _targets(node):
                self.defined.setdefault(target, []).append(node)
            if isinstance(node, ast.ClassDef):
                self._fields |= {field for part in node.body for field in _targets(part)}

    def _reach(self, names: list[str]) -> Iterator[ast.AST]:
        """Yield functions, assignments, and of classes what stands outside of methods.

        A method is reached when its class is and its name is mentioned.
        """
        mentioned: set[str] = set()
        methods: dict[str, list[ast.AST]] = {}
        while names:
            name = names.pop()
            if name in mentioned:
                continue
            mentioned.add(name)
            waiting = [*self.defined.get(name, []), *methods.pop(name, [])]
            while waiting:
                node = waiting.pop()
                parts: list[ast.AST] = [node]
                if isinstance(node, ast.ClassDef):
                    parts = [part for part in node.body if not isinstance(part, Function)]
                    parts += node.bases
                    for method in (part for part in node.body if isinstance(part, Function)):
                        if method.name in mentioned or method.name.startswith("__"):
                            waiting.append(method)
                        else:
                            methods.setdefault(method.name, []).append(method)
                for part in parts:
                    yield part
                    names += self._mentions(part)

    def _mentions(self, node: ast.AST) -> list[str]:
        """Return the names in `node`; one that is also a field only where it is called."""
        called = {name_of(part.func) for part in ast.walk(node) if isinstance(part, ast.Call)}
        names = {name_of(part) for part in ast.walk(node) if isinstance(part, ast.Name | ast.Attribute)}
        names = {name for name in names if name in called or name not in self._fields}
        return [name for known in names for name in {known, self.aliases.get(known, known)}]


def _exists(module: str) -> bool:
    path = ROOT / module.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").exists()


def _targets(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Assign):
        return [name_of(target) for target in node.targets]
    return [name_of(node.target)] if isinstance(node, ast.AnnAssign) else []


def name_of(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
