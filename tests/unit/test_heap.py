"""Threads of a process share one arena, where the C library has any."""

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, sys, threading
from semvid.core.heap import bound_heap

bound_heap()
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.fopen.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
together = threading.Barrier(12)

def work():
    libc.malloc(1000)
    together.wait()

threads = [threading.Thread(target=work) for _ in range(12)]
for one in threads: one.start()
for one in threads: one.join()
file = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has arenas")
def test_threads_share_an_arena(tmp_path):
    told = tmp_path / "told.xml"
    subprocess.run([sys.executable, "-P", "-c", PROGRAM, str(told)], check=True, cwd=tmp_path)
    assert told.read_text().count("<heap nr=") == 1
