"""Object code of single functions: the names of its files, where they are kept, and how to load it."""

from __future__ import annotations

import ctypes
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import platformdirs

SHIPPED = Path(__file__).with_name("machine_code")
"""What the build of a package made for the processor it ran on."""
_VERSION = 1
"""Part of the names of files: increase it when functions are compiled in another way."""
_ENTRY = "kernel"
"""The function in every file."""

_engines: list[Any] = []
"""What was loaded: it is gone with them."""


def file_name(function: FunctionType, signature: str) -> str:
    """Name the file of a function; the name differs with whatever would change its code."""
    found = hashlib.sha256(repr((_VERSION, signature, _processor())).encode())
    for one in _ingredients(function):
        found.update(one)
    return f"{function.__name__.strip('_')}-{found.hexdigest()[:20]}.bin"


def globals_of(function: FunctionType) -> dict[str, Any]:
    """Return what a function uses that is not its own, by name."""
    known = function.__globals__
    return {name: known[name] for name in function.__code__.co_names if name in known}


def read_object(name: str) -> bytes | None:
    """Return the object code in a file; None = there is no such file, or it is damaged."""
    for folder in (SHIPPED, _own_folder()):
        with suppress(OSError):
            data = (folder / name).read_bytes()
            code = data[32:]
            # LLVM ends the process when it cannot read something.
            if hashlib.sha256(code).digest() == data[:32]:
                return code
    return None


def keep_object(name: str, code: bytes, folder: Path | None = None) -> None:
    """Write a file for ``read_object``, whole or not at all.

    Args:
        name: From ``file_name``.
        code: The object code.
        folder: Where; None = the user's cache folder, which may not be writable.
    """
    try:
        _write(folder or _own_folder(), name, hashlib.sha256(code).digest() + code)
    except OSError:
        if folder is not None:
            raise


def to_object(ir: str, name: str) -> bytes:
    """Turn a module in LLVM's language into object code.

    Args:
        ir: What numba made.
        name: Of the function to be called.
    """
    module = llvm.parse_assembly(ir)
    # Seen together with what it calls, the function cannot fail, so nothing is left that would tell Python.
    for one in module.functions:
        if not one.is_declaration and one.name != name:
            one.linkage = "internal"
    module.get_function(name).name = _ENTRY
    passes = llvm.create_new_module_pass_manager()
    passes.add_ipsccp_pass()
    passes.add_simplify_cfg_pass()
    passes.add_global_dead_code_eliminate_pass()
    passes.run(module, llvm.create_pass_builder(_target_machine(), llvm.create_pipeline_tuning_options()))
    foreign = [one.name for one in module.functions if one.is_declaration]
    foreign = [one for one in foreign if not one.startswith("llvm.")]
    if foreign:
        raise ValueError(
            f"{name} needs {', '.join(foreign)}, which only numba has: it raises, or makes arrays"
        )
    code: bytes = _target_machine().emit_object(module)
    return code


def load_object(code: bytes) -> int:
    """Bring object code into memory, and return the address of its function."""
    # What LLVM makes of loops that copy and fill. On Windows it would not find them by itself.
    for symbol, one in (("memset", ctypes.memset), ("memcpy", ctypes.memmove), ("memmove", ctypes.memmove)):
        llvm.add_symbol(symbol, ctypes.cast(one, ctypes.c_void_p).value)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _target_machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _engines.append(engine)
    address: int = engine.get_function_address(_ENTRY)
    return address


def _own_folder() -> Path:
    return Path(platformdirs.user_cache_dir("semvid")) / "object_code"


def _write(folder: Path, name: str, data: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(partial).chmod(0o644)
        Path(partial).replace(folder / name)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


@cache
def _processor() -> tuple[str, str, str]:
    return llvm.get_process_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


def _target_machine() -> Any:
    """Return what LLVM needs to know about the processor; everything takes its own."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    triple, name, features = _processor()
    return llvm.Target.from_triple(triple).create_target_machine(
        cpu=name, features=features, opt=3, reloc="default", codemodel="jitdefault", jit=True
    )


def _ingredients(function: FunctionType) -> Iterator[bytes]:
    """Yield all that a function is made of: its instructions, its constants, and the functions it calls."""
    code = function.__code__
    constants = [one for one in code.co_consts if one != function.__doc__]
    yield repr((code.co_code, constants, code.co_names, code.co_varnames)).encode()
    for name, value in globals_of(function).items():
        yield name.encode()
        if isinstance(value, FunctionType):
            yield from _ingredients(value)
        elif isinstance(value, np.ndarray):
            yield repr((value.dtype, value.shape)).encode() + value.tobytes()
        elif not isinstance(value, ModuleType):
            yield repr(value).encode()
