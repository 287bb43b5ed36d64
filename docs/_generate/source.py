"""Reads the package's own source: sentences at the place where they are said, comments that explain a field."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

import odh_oci_widgets

PACKAGE = Path(odh_oci_widgets.__file__).parent
#: what stands for a value that is only known when the sentence is said
OPEN, CLOSE = "‹", "›"
_Node = TypeVar("_Node", bound=ast.AST)


@dataclass(frozen=True)
class Call:
    """A call in the source: who is called, its arguments as text, and where it stands."""

    name: str
    said: str
    hint: str | None
    module: str


@cache
def trees() -> dict[str, ast.Module]:
    """Path of each module below the package -> its syntax tree."""
    return {
        str(path.relative_to(PACKAGE)): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(PACKAGE.rglob("*.py"))
    }


@cache
def calls(names: frozenset[str], *, said: str = "message", hint: str = "hint") -> tuple[Call, ...]:
    """Each call of one of `names` that says something itself, instead of passing on what it was given."""
    return tuple(_calls(names, said, hint))


def _calls(names: frozenset[str], said: str, hint: str) -> Iterator[Call]:
    for module, tree in trees().items():
        if not names & {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}:
            continue
        for scope in _scopes(tree):
            known = _Known(tree, scope)
            for call in _own(scope, ast.Call):
                for name in names & set(known.names(call.func)):
                    yield from _said(
                        name, known, _argument(call, said, 0), _argument(call, hint, None), module
                    )
        for row in (one for one in ast.walk(tree) if isinstance(one, ast.Tuple) and len(one.elts) == 3):
            kind, sentence, cure = row.elts  # a table of errors: type, sentence, what to do
            if isinstance(kind, ast.Name) and kind.id in names:
                yield from _said(kind.id, _Known(tree, tree), sentence, cure, module)


def _said(
    name: str, known: _Known, said: ast.expr | None, hint: ast.expr | None, module: str
) -> Iterator[Call]:
    for sentence in known.texts(said) if said else ():
        text = re.sub(r"\{(\w+)\}", rf"{OPEN}\1{CLOSE}", sentence)
        if re.search(r"\w", re.sub(f"{OPEN}[^{CLOSE}]*{CLOSE}", "", text)):
            yield Call(name, text, " Or: ".join(known.texts(hint)) if hint else None, module)


def findings() -> set[tuple[str, str, str]]:
    """Code, sentence and hint of every finding about an image."""
    found: set[tuple[str, str, str]] = set()
    for module in ("oci/fitness.py", "oci/verify.py"):
        tree = trees()[module]
        for scope in _scopes(tree):
            known = _Known(tree, scope)
            for call in _own(scope, ast.Call):
                given = {"Finding": call.args[1:], "_error": call.args}.get(_called(call), [])
                if len(given) < 2 or not isinstance(given[0], ast.Constant):
                    continue
                code, says, *hint = (known.texts(one) for one in given)
                found |= {(code[0], one, " Or: ".join(hint[0]) if hint else "") for one in says}
    return found


def comments(cls: type) -> dict[str, str]:
    """Field -> the `#:` comment above it."""
    found: dict[str, str] = {}
    above: list[str] = []
    for line in inspect.getsource(cls).splitlines():
        text = line.strip()
        if text.startswith("#:"):
            above.append(text[2:].strip())
            continue
        if ":" in text and text.partition(":")[0].isidentifier() and above:
            found[text.partition(":")[0]] = " ".join(above)
        above = []
    return found


def _scopes(tree: ast.Module) -> Iterator[ast.AST]:
    yield tree
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _own(scope: ast.AST, kind: type[_Node]) -> Iterator[_Node]:
    """The nodes of a function, without those of functions in it."""
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, kind):
            yield node
        waiting.extend(ast.iter_child_nodes(node))


@cache
def _assignments(tree: ast.Module) -> tuple[ast.Assign, ...]:
    return tuple(node for node in tree.body if isinstance(node, ast.Assign))


@cache
def _constants() -> dict[str, str]:
    """The module constants that are texts."""
    return {
        node.targets[0].id: node.value.value
        for tree in trees().values()
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Name):
        return call.func.id
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _argument(call: ast.Call, name: str, place: int | None) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    if place is not None and len(call.args) > place and not isinstance(call.args[place], ast.Starred):
        return call.args[place]
    return None


class _Known:
    """Turns expressions into the texts they may give."""

    def __init__(self, tree: ast.Module, scope: ast.AST) -> None:
        self._values: dict[str, list[ast.expr]] = {}
        for node in [*_assignments(tree), *(_own(scope, ast.Assign) if scope is not tree else ())]:
            for target in node.targets:
                self._assign(target, node.value)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self._values.setdefault(target.id, [])
            if value not in self._values[target.id]:
                self._values[target.id].append(value)
        elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for one, given in zip(target.elts, value.elts, strict=False):
                self._assign(one, given)

    def names(self, node: ast.expr) -> list[str]:
        """The functions or types that an expression may name."""
        if isinstance(node, ast.IfExp):
            return [*self.names(node.body), *self.names(node.orelse)]
        if isinstance(node, ast.Name) and node.id in self._values:
            return [name for value in self._values[node.id] for name in self.names(value)]
        return [node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")]

    def texts(self, node: ast.expr, depth: int = 0) -> list[str]:
        """All the texts that an expression may give; what is not known in brackets."""
        match node:
            case ast.Constant(value=value):
                return [str(value)] if value is not None else [""]
            case ast.JoinedStr(values=values):
                found = [""]
                for part in values:
                    ends = self._part(part, depth)
                    found = [begin + end for begin in found for end in ends]
                return found
            case ast.IfExp(body=body, orelse=orelse):
                return [*self.texts(body, depth), *self.texts(orelse, depth)]
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return [a + b for a in self.texts(left, depth) for b in self.texts(right, depth)]
            case ast.Call(
                func=ast.Attribute(value=value, attr="replace" | "rstrip" | "strip" | "capitalize")
            ):
                return self.texts(value, depth)
            case ast.Attribute(attr=name) if name.isupper() and name in _constants():
                return [_constants()[name]]
            case ast.Name(id=name) if name in self._values and depth < 2:
                found = [text for value in self._values[name] for text in self.texts(value, depth + 1)]
                return list(dict.fromkeys(found))
        return [f"{OPEN}{_name(node)}{CLOSE}"]

    def _part(self, part: ast.expr, depth: int) -> list[str]:
        if not isinstance(part, ast.FormattedValue):
            return self.texts(part, depth)
        if isinstance(part.value, ast.IfExp | ast.JoinedStr):
            return self.texts(part.value, depth)
        if isinstance(part.value, ast.Name) and part.value.id in self._values:
            known = self.texts(part.value, depth + 1)
            if len(known) <= 3 and not any(OPEN in one for one in known):
                return known
        return [f"{OPEN}{_name(part.value)}{CLOSE}"]


def _name(node: ast.expr) -> str:
    """A short name for a value: the last word of the expression that gives it."""
    match node:
        case ast.Name(id=name):
            return name.strip("_").lower()
        case ast.Attribute(value=value, attr=attr):
            return (
                f"{_name(value)}'s {attr}"
                if attr in {"name", "path", "host"} and not _is_self(value)
                else attr
            )
        case ast.Subscript(slice=ast.Constant(value=str(key))):
            return key
        case ast.Subscript(value=value) | ast.BoolOp(values=[value, *_]) | ast.BinOp(left=value):
            return _name(value)
        case ast.Call(func=ast.Attribute(attr="join"), args=[value]):
            return _name(value)
        case ast.Call(args=[value, *_]):
            return _name(value)
        case ast.Call(func=func):
            return _name(func)
        case ast.GeneratorExp(generators=[ast.comprehension(iter=source), *_]):
            return _name(source)
        case ast.Constant(value=value):
            return str(value)
    return "…"


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"
