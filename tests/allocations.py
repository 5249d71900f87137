"""Counts what Python asks its allocator of objects for: a native hook in front of it.

No Python runs inside the hook, so that counting allocates nothing. What the interpreter keeps in free lists (floats,
small tuples) is not asked of the allocator when it is taken from there.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numba import carray, cfunc, types

_OBJECTS = 2  # PYMEM_DOMAIN_OBJ


class _Allocator(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("context", "malloc", "calloc", "realloc", "free")]


_usual = _Allocator()
ctypes.pythonapi.PyMem_GetAllocator(_OBJECTS, ctypes.byref(_usual))
_malloc = ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_size_t, ctypes.c_size_t)(_usual.malloc)
_calloc = ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_size_t)(_usual.calloc)


@cfunc(types.uintp(types.CPointer(types.int64), types.uintp))
def _counted_malloc(counter, size):
    carray(counter, 1)[0] += 1
    return _malloc(0, size)


@cfunc(types.uintp(types.CPointer(types.int64), types.uintp, types.uintp))
def _counted_calloc(counter, number, size):
    carray(counter, 1)[0] += 1
    return _calloc(0, number, size)


@contextmanager
def counted_objects() -> Iterator[np.ndarray]:
    """Within it, int64 [1] counts the objects that all threads of this process create."""
    # The interpreter's allocator ignores its context, so the counter may stand there.
    assert not _usual.context
    counter = np.zeros(1, np.int64)
    hook = _Allocator(
        counter.ctypes.data, _counted_malloc.address, _counted_calloc.address, _usual.realloc, _usual.free
    )
    ctypes.pythonapi.PyMem_SetAllocator(_OBJECTS, ctypes.byref(hook))
    try:
        yield counter
    finally:
        ctypes.pythonapi.PyMem_SetAllocator(_OBJECTS, ctypes.byref(_usual))
