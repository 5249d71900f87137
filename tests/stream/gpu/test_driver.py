"""Arrays in memory that somebody else gives and takes back: the C library's here, the CUDA driver's on a GPU."""

from __future__ import annotations

import ctypes
import gc
import sys

import numpy as np
import pytest

from posewire.gpu.driver import array_in

if sys.platform == "win32":
    C_LIBRARY = ctypes.cdll.msvcrt
else:
    C_LIBRARY = ctypes.CDLL(None)
C_LIBRARY.malloc.restype = ctypes.c_void_p
C_LIBRARY.malloc.argtypes = [ctypes.c_size_t]
C_LIBRARY.free.argtypes = [ctypes.c_void_p]


@pytest.mark.parametrize(("shape", "dtype"), [((1, 8, 6, 3), np.uint8), ((1, 4, 3), np.float32)])
def test_memory_is_given_back_once_when_the_last_view_is_gone(shape, dtype):
    freed = []

    def free(address):
        freed.append(address)
        C_LIBRARY.free(address)

    array = array_in(shape, dtype, C_LIBRARY.malloc, free)
    assert (array.shape, array.dtype) == (shape, dtype)
    assert not array.any()
    assert array.flags.writeable
    address = array.ctypes.data
    array[...] = 7
    view = array[0, 1:]
    del array
    gc.collect()
    assert freed == []
    assert (view == 7).all()
    del view
    gc.collect()
    assert freed == [address]
