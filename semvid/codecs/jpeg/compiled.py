"""Loops over samples as machine code, which is compiled once and kept.

numba compiles. That takes seconds, and half a second before it can even call what it compiled earlier. So
what it makes is kept as object code (``object_code``), which LLVM loads in milliseconds, without numba: what
came with the package (``setup.py``), or else what was made when it was first needed. Where nothing can be
kept, as in a read-only container without a home, every process compiles anew.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Sequence
from functools import cache, update_wrapper
from pathlib import Path
from types import FunctionType
from typing import Any, Generic, ParamSpec, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from semvid.codecs.jpeg import object_code

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")

kernels: list[Kernel[..., Any]] = []
"""Of all modules that were imported."""
_one_at_a_time = threading.RLock()


class Kernel(Generic[_Parameters, _Result]):
    """A function that becomes machine code when it is first called. It runs without Python's lock.

    Args:
        function: As for ``compiled``.
        signature: As for ``compiled``.
    """

    def __init__(self, function: Callable[_Parameters, _Result], signature: str) -> None:
        update_wrapper(self, function)
        self._function = cast(FunctionType, function)
        self._signature = signature
        self._native: Callable[..., Any] | None = None
        kernels.append(self)

    def __call__(self, *args: _Parameters.args, **_: _Parameters.kwargs) -> _Result:
        """Run it; all arguments are positional."""
        return cast(_Result, (self._native or self._load())(*args))

    def compile_to(self, folder: Path | None) -> bytes:
        """Compile it, keep its object code in a folder, None = the user's cache, and return it."""
        code = _compile(self._function, self._signature)
        object_code.keep_object(self._file_name, code, folder)
        return code

    @property
    def _file_name(self) -> str:
        return object_code.file_name(self._function, self._signature)

    def _load(self) -> Callable[..., Any]:
        with _one_at_a_time:
            if self._native is None:
                code = object_code.read_object(self._file_name) or self.compile_to(None)
                arguments, result = _parsed(self._signature)
                returned = np.ctypeslib.as_ctypes_type(result) if result else None
                prototype = ctypes.CFUNCTYPE(returned, *map(_argument_type, arguments))
                self._native = prototype(object_code.load_object(code))
            return self._native


def compiled(
    signature: str,
) -> Callable[[Callable[_Parameters, _Result]], Kernel[_Parameters, _Result]]:
    """Have a function compiled.

    Args:
        signature: Its types, as numpy abbreviates them: with ``*`` for the samples of a contiguous array,
            which the function sees flat, with ``**`` for the addresses of several; then ``->`` and what it
            returns, if anything. ``"f4* i8 -> i8"`` takes an array of float32 and an integer, and returns an
            integer.

    The function may use constants, and call functions that do the same. It cannot raise, nor make arrays.
    """
    return lambda function: Kernel(function, signature)


def addresses(arrays: Sequence[NDArray[Any]]) -> NDArray[np.intp]:
    """Return where contiguous arrays begin; they have to outlive the call this is for."""
    return np.array([one.ctypes.data for one in arrays], np.intp)


def row_addresses(plane: NDArray[Any]) -> NDArray[np.intp]:
    """Return where the rows of a plane begin, which may lie apart."""
    found: NDArray[np.intp] = plane.ctypes.data + plane.strides[0] * np.arange(len(plane), dtype=np.intp)
    return found


def _parsed(signature: str) -> tuple[list[str], str]:
    arguments, _, result = signature.partition("->")
    return arguments.split(), result.strip()


@cache
def _argument_type(name: str) -> Any:
    if name.endswith("*"):
        kind = np.intp if name.endswith("**") else np.dtype(name[:-1])
        return np.ctypeslib.ndpointer(kind, flags="C_CONTIGUOUS")
    return np.ctypeslib.as_ctypes_type(name)


def _compile(function: FunctionType, signature: str) -> bytes:
    """Return the object code of a function."""
    import numba

    # Its types leave some options out.
    numba_any: Any = numba

    def numba_type(name: str) -> Any:
        if name.endswith("*"):
            return numba_any.types.CPointer(numba_type(name[:-1]))
        return numba_any.from_dtype(np.dtype(name)) if name else numba_any.void

    # Without what Python would call them by, which takes as long to compile again.
    options = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "forceinline": True}
    helper = numba_any.njit(error_model="numpy", **options)

    def with_helpers(one: FunctionType) -> FunctionType:
        helpers = {
            name: helper(with_helpers(value))
            for name, value in object_code.globals_of(one).items()
            if isinstance(value, FunctionType)
        }
        return FunctionType(one.__code__, one.__globals__ | helpers, one.__name__)

    arguments, result = _parsed(signature)
    types = numba_type(result)(*map(numba_type, arguments))
    made = numba_any.cfunc(types, error_model="numpy", _nrt=False)(with_helpers(function))
    return object_code.to_object(made.inspect_llvm(), made.native_name)
