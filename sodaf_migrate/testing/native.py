"""SQLite's C structures and the shared library that the ``sqlite3`` module of this Python uses."""

from __future__ import annotations

import ctypes
import sqlite3
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_int64, c_void_p
from typing import Any

from sodaf_migrate.errors import ConfigurationError

__all__ = ["ACCESSORS", "METHODS", "IoMethods", "Vfs", "library"]

#: The members of sqlite3_io_methods after iVersion, in order (sqlite.org/c3ref/io_methods.html); the later ones exist
#: from version 2 and 3 of the structure on.
_IO = [
    "xClose",
    "xRead",
    "xWrite",
    "xTruncate",
    "xSync",
    "xFileSize",
    "xLock",
    "xUnlock",
    "xCheckReservedLock",
    "xFileControl",
    "xSectorSize",
    "xDeviceCharacteristics",
    "xShmMap",
    "xShmLock",
    "xShmBarrier",
    "xShmUnmap",
    "xFetch",
    "xUnfetch",
]
_IO_MEMBERS = {1: 12, 2: 16, 3: 18}
_VFS = [
    "xOpen",
    "xDelete",
    "xAccess",
    "xFullPathname",
    "xDlOpen",
    "xDlError",
    "xDlSym",
    "xDlClose",
    "xRandomness",
    "xSleep",
    "xCurrentTime",
    "xGetLastError",
    "xCurrentTimeInt64",
    "xSetSystemCall",
    "xGetSystemCall",
    "xNextSystemCall",
]


class IoMethods(ctypes.Structure):
    """sqlite3_io_methods; functions are plain addresses, so that they can be put in and taken out."""

    _fields_ = (("iVersion", c_int), *((name, c_void_p) for name in _IO))

    @classmethod
    def copy_of(cls, address: int) -> IoMethods:
        """A copy of the structure at ``address``, no byte beyond what its version has."""
        version = c_int.from_address(address).value
        members = _IO_MEMBERS.get(version, len(_IO))
        copy = cls()
        ctypes.memmove(ctypes.byref(copy), address, cls.xClose.offset + members * ctypes.sizeof(c_void_p))
        copy.iVersion = min(version, 3)
        return copy


class Vfs(ctypes.Structure):
    """sqlite3_vfs, version 3."""

    _fields_ = (
        ("iVersion", c_int),
        ("szOsFile", c_int),
        ("mxPathname", c_int),
        ("pNext", c_void_p),
        ("zName", c_char_p),
        ("pAppData", c_void_p),
        *((name, c_void_p) for name in _VFS),
    )


#: How each function that is wrapped is called.
METHODS: dict[str, Any] = {
    "xRead": CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64),
    "xWrite": CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64),
    "xTruncate": CFUNCTYPE(c_int, c_void_p, c_int64),
    "xSync": CFUNCTYPE(c_int, c_void_p, c_int),
    "xFileSize": CFUNCTYPE(c_int, c_void_p, POINTER(c_int64)),
    "xShmMap": CFUNCTYPE(c_int, c_void_p, c_int, c_int, c_int, c_void_p),
}
ACCESSORS: dict[str, Any] = {
    "xOpen": CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p),
    "xDelete": CFUNCTYPE(c_int, c_void_p, c_char_p, c_int),
}


def library() -> Any:
    """The SQLite library in use, through ctypes. Raises ConfigurationError where it is linked in statically."""
    import _sqlite3  # the driver's extension module: looking a name up in it looks into what it is linked with, too

    try:
        found = ctypes.CDLL(getattr(_sqlite3, "__file__", None))
        found.sqlite3_vfs_find.argtypes, found.sqlite3_vfs_find.restype = [c_char_p], POINTER(Vfs)
        found.sqlite3_vfs_register.argtypes, found.sqlite3_vfs_register.restype = [c_void_p, c_int], c_int
        found.sqlite3_vfs_unregister.argtypes, found.sqlite3_vfs_unregister.restype = [c_void_p], c_int
        found.sqlite3_libversion.restype = c_char_p
    except (OSError, AttributeError, TypeError) as error:
        raise _static(str(error)) from error
    if found.sqlite3_libversion().decode() != sqlite3.sqlite_version:
        raise _static(f"another library answers: {found.sqlite3_libversion().decode()}")
    return found


def _static(reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"The SQLite library of this Python cannot be reached to inject faults: {reason}",
        hint="It is linked in statically: run these tests with a Python that uses a shared libsqlite3, such as those "
        "of the distributions.",
    )
