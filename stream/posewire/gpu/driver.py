"""The CUDA driver through ctypes: one stream, copies in it, page-locked memory, and what the device is called.

The driver's library is there wherever an NVIDIA driver is, whichever CUDA version ONNX Runtime was built for, so
nothing has to be installed for it. ONNX Runtime works in the device's primary context, and so does this.

This file has not been run on a GPU.
"""

from __future__ import annotations

import ctypes
import functools
import sys
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from posewire.providers import ProviderError

LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
_NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING: a stream that does not wait for the default stream
_COMPUTE_MAJOR, _COMPUTE_MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_...

Allocate = Callable[[int], int]
Free = Callable[[int], Any]


class Device:
    """The first GPU that the driver shows (``CUDA_VISIBLE_DEVICES`` chooses), and one stream on it.

    Copies and networks are enqueued in this stream, one after the other, so that only `wait` waits. Raises
    ProviderError where the driver refuses.
    """

    def __init__(self) -> None:
        self._cuda = ctypes.CDLL(LIBRARY)
        device, self._context, self._stream = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_void_p()
        self._call("cuInit", ctypes.c_uint(0))
        self._call("cuDeviceGet", ctypes.byref(device), ctypes.c_int(0))
        self._call("cuDevicePrimaryCtxRetain", ctypes.byref(self._context), device)
        self.use()
        self._call("cuStreamCreate", ctypes.byref(self._stream), ctypes.c_uint(_NON_BLOCKING))
        name = ctypes.create_string_buffer(256)
        self._call("cuDeviceGetName", name, ctypes.c_int(len(name)), device)
        major, minor, version = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
        self._call("cuDeviceGetAttribute", ctypes.byref(major), ctypes.c_int(_COMPUTE_MAJOR), device)
        self._call("cuDeviceGetAttribute", ctypes.byref(minor), ctypes.c_int(_COMPUTE_MINOR), device)
        self._call("cuDriverGetVersion", ctypes.byref(version))
        self.name = name.value.decode(errors="replace")
        self.compute_capability = f"{major.value}.{minor.value}"
        self.cuda_version = f"{version.value // 1000}.{version.value % 1000 // 10}"

    @property
    def stream(self) -> int:
        """The stream's handle, for ONNX Runtime's ``user_compute_stream``."""
        return self._stream.value or 0

    def use(self) -> None:
        """Make the device current in the calling thread; cheap, and needed once in each thread that copies."""
        self._call("cuCtxSetCurrent", self._context)

    def upload(self, source: npt.NDArray[Any], address: int) -> Callable[[], None]:
        """What enqueues a copy of an array to device memory at ``address``, at each call."""
        size, host = ctypes.c_size_t(source.nbytes), ctypes.c_void_p(source.ctypes.data)
        return functools.partial(self._call, "cuMemcpyHtoDAsync_v2", ctypes.c_uint64(address), host, size, self._stream)

    def download(self, address: int, target: npt.NDArray[Any]) -> Callable[[], None]:
        """What enqueues a copy of device memory at ``address`` into an array, at each call; it is there after `wait`.
        The arrays of both must live as long as what is returned."""
        size, host = ctypes.c_size_t(target.nbytes), ctypes.c_void_p(target.ctypes.data)
        return functools.partial(self._call, "cuMemcpyDtoHAsync_v2", host, ctypes.c_uint64(address), size, self._stream)

    def wait(self) -> None:
        """Until all that was enqueued is done; the interpreter lock is free meanwhile."""
        self._call("cuStreamSynchronize", self._stream)

    def page_locked(self, shape: tuple[int, ...], dtype: Any) -> npt.NDArray[Any]:
        """A zeroed array in page-locked memory, which is copied without a detour. Raises ProviderError."""
        return array_in(shape, dtype, self._allocate, self._free)

    def _allocate(self, size: int) -> int:
        pointer = ctypes.c_void_p()
        self._call("cuMemHostAlloc", ctypes.byref(pointer), ctypes.c_size_t(size), ctypes.c_uint(0))
        return pointer.value or 0

    def _free(self, address: int) -> None:
        self._cuda.cuMemFreeHost(ctypes.c_void_p(address))

    def _call(self, function: str, *arguments: Any) -> None:
        if status := getattr(self._cuda, function)(*arguments):
            raise ProviderError(f"CUDA error {status} in {function}")


@functools.cache
def device() -> Device:
    """The device that this process works with; it lives as long as the process. Raises ProviderError."""
    return Device()


def array_in(shape: tuple[int, ...], dtype: Any, allocate: Allocate, free: Free) -> npt.NDArray[Any]:
    """A zeroed array in memory that ``allocate`` (bytes -> address) gives; ``free`` (address) gets it back when the
    last view of it is gone, but not at the end of the program, when the driver may be gone already."""
    kind = np.dtype(dtype)
    count = int(np.prod(shape))
    address = allocate(max(1, count * kind.itemsize))
    block = (ctypes.c_ubyte * (count * kind.itemsize)).from_address(address)
    weakref.finalize(block, free, address).atexit = False
    array = np.frombuffer(block, kind, count).reshape(shape)
    array[...] = 0
    return array
