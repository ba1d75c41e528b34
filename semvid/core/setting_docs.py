"""Builds the documentation of a class of settings from the strings below its fields."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from typing import Any

from semvid.core.setting_types import described, hints_of

_WIDTH = 100


class FieldDocs:
    """Documentation of a class, with the strings below its fields."""

    def __init__(self, summary: str) -> None:
        self._summary = summary

    def __get__(self, instance: object, owner: type) -> str:
        hints = hints_of(owner)
        documented = {
            name: text for one in reversed(owner.__mro__) for name, text in _field_docs(one).items()
        }
        lines = [inspect.cleandoc(self._summary), "", "Attributes:"]
        for field in fields(owner):
            said = [documented.get(field.name, ""), f"{_capital(described(hints[field.name]))}."]
            entry = f"{field.name}: {' '.join(filter(None, said))}{_default(field)}"
            lines += textwrap.wrap(entry, _WIDTH, initial_indent=" " * 4, subsequent_indent=" " * 8)
        return "\n".join(lines)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _default(field: Field[Any]) -> str:
    default = field.default
    if default is MISSING:
        return ""
    is_usual = is_dataclass(default) and all(
        getattr(default, one.name) == one.default for one in fields(default)
    )
    return f" Default: {type(default).__name__}()." if is_usual else f" Default: {default!r}."


@cache
def _field_docs(cls: type) -> Mapping[str, str]:
    """The strings below the fields of a class, by field; none where there are no sources."""
    try:
        body = _class_bodies(cls.__module__).get(cls.__name__, ())
    except (OSError, TypeError):
        return {}
    return {
        field.target.id: " ".join(text.value.value.split())
        for field, text in zip(body, list(body)[1:], strict=False)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
        if isinstance(text.value.value, str)
    }


@cache
def _class_bodies(module: str) -> Mapping[str, Iterable[ast.stmt]]:
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {one.name: one.body for one in tree.body if isinstance(one, ast.ClassDef)}
