"""A shim of SQLite's file methods under the stock driver: every file operation can be seen, and made to fail.

A VFS named "sodaf-faults" becomes the default one: a copy of the default VFS whose xOpen and xDelete are ours; it lets
the original open the file and then puts a copy of the file's methods in place, of which only some are ours. Locks and
shared memory are never touched: they remain the original's own functions. When the shim is removed the original
addresses are written back into these copies, so that connections which are still open go on without it.

Process-wide, for tests only; connections that were opened before are not seen.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sodaf_migrate.errors import ConfigurationError
from sodaf_migrate.testing.native import ACCESSORS, METHODS, IoMethods, Vfs, library
from sodaf_migrate.testing.watch import File, Kind, Operation, Role, Verdict, ask, tell

__all__ = ["shimmed"]

_NAME = b"sodaf-faults"

#: Bits of the flags that xOpen gets (sqlite.org/c3ref/c_open_autoproxy.html), and what each says about the file.
_ROLES: tuple[tuple[int, Role], ...] = (
    (0x00000100, "main"),
    (0x00000800 | 0x00004000, "journal"),  # a super-journal too
    (0x00080000, "wal"),
)
_CREATE = 0x4

_OK, _IOERR, _FULL, _CANTOPEN = 0, 10, 13, 14
#: The extended result codes of the unix VFS (sqlite.org/rescode.html).
_ERRORS: dict[Kind, int] = {
    "open": _CANTOPEN,
    "create": _CANTOPEN,
    "read": _IOERR | 1 << 8,
    "write": _IOERR | 3 << 8,
    "sync": _IOERR | 4 << 8,
    "truncate": _IOERR | 6 << 8,
    "size": _IOERR | 7 << 8,
    "delete": _IOERR | 10 << 8,
    "shm": _IOERR | 21 << 8,
}
_NO_ROOM: dict[Kind, int] = {**_ERRORS, "write": _FULL, "shm": _IOERR | 19 << 8}


class _Methods:
    """One set of file methods: the original's functions, and the copy that files point to."""

    def __init__(self, address: int, ours: dict[str, Any]) -> None:
        self.copy = IoMethods.copy_of(address)
        self.kept = {name: getattr(self.copy, name) for name in METHODS if getattr(self.copy, name)}
        self.native = {name: METHODS[name](address) for name, address in self.kept.items()}
        self.ours = {name: _address(ours[name]) for name in self.kept}

    def wrap(self, on: bool) -> None:
        for name, address in (self.ours if on else self.kept).items():
            setattr(self.copy, name, address)


class _Shim:
    """The wrapped VFS. There is one in a process, and it is never freed: connections may hold its address."""

    def __init__(self) -> None:
        self.library = library()
        found = self.library.sqlite3_vfs_find(None)
        self.base: Vfs = found.contents
        self.base_address = ctypes.addressof(self.base)
        if self.base.iVersion < 3:
            raise ConfigurationError(
                "The default VFS of this SQLite is not one that can be wrapped", hint="Use the unix VFS."
            )
        self.native = {name: kind(getattr(self.base, name)) for name, kind in ACCESSORS.items()}
        self.callbacks = {
            name: kind(self._guarded(getattr(self, f"_{name}"))) for name, kind in {**METHODS, **ACCESSORS}.items()
        }
        self.vfs = Vfs.from_buffer_copy(self.base)
        self.vfs.zName, self.vfs.pNext = _NAME, None
        self.methods: dict[int, _Methods] = {}
        self.files: dict[int, tuple[File, _Methods]] = {}
        self.fresh: set[int] = set()  # journals whose folder has not been synced yet
        self.failure: BaseException | None = None
        self.users = 0

    # In and out.

    def install(self) -> None:
        """Becomes the default. Raises ConfigurationError where the driver does not see it."""
        self._wrap(True)
        self.library.sqlite3_vfs_register(ctypes.byref(self.vfs), 1)
        try:
            sqlite3.connect(f"file::memory:?vfs={_NAME.decode()}", uri=True).close()
        except sqlite3.Error as error:
            self.remove()
            raise ConfigurationError(
                "The sqlite3 module uses another copy of the SQLite library than the one that was found",
                hint="It is linked in statically: run these tests with a Python that uses a shared libsqlite3.",
            ) from error

    def remove(self) -> None:
        """The original is the default again, and no file calls us any more."""
        self._wrap(False)
        self.library.sqlite3_vfs_unregister(ctypes.byref(self.vfs))
        self.library.sqlite3_vfs_register(self.base_address, 1)

    def _wrap(self, on: bool) -> None:
        for name in ACCESSORS:
            setattr(self.vfs, name, _address(self.callbacks[name]) if on else getattr(self.base, name))
        for methods in self.methods.values():
            methods.wrap(on)

    def _guarded(self, function: Callable[..., int]) -> Callable[..., int]:
        # An exception cannot pass through C: it is kept for the end of the block, and SQLite is told of an error.
        def call(*arguments: Any) -> int:
            try:
                return function(*arguments)
            except BaseException as error:
                self.failure = self.failure or error
                return _IOERR

        return call

    # What SQLite calls.

    def _xOpen(self, _vfs: int, name: int | None, file: int, flags: int, out: int | None) -> int:
        path = os.fsdecode(ctypes.string_at(name)) if name else ""
        role: Role = next((role for bits, role in _ROLES if flags & bits), "temp")
        new = not path or not os.path.lexists(path)
        opened = File(path, role, lambda: self._content(file))
        operation = Operation(kind="create" if new and flags & _CREATE else "open", role=role, path=path, file=opened)

        def native() -> int:
            # pMethods says whether xClose will be called: where open fails it must be empty.
            ctypes.c_void_p.from_address(file).value = None
            result: int = self.native["xOpen"](self.base_address, name, file, flags, out)
            if result == _OK:
                self._adopt(file, opened, first_sync=role in ("journal", "wal") and bool(flags & _CREATE))
            return result

        result = self._run(operation, native)
        if result != _OK:
            ctypes.c_void_p.from_address(file).value = None
        return result

    def _adopt(self, file: int, opened: File, *, first_sync: bool) -> None:
        pointer = ctypes.c_void_p.from_address(file)
        original = pointer.value
        assert original is not None
        if original not in self.methods:
            self.methods[original] = _Methods(original, self.callbacks)
            self.methods[original].wrap(True)
        methods = self.methods[original]
        pointer.value = ctypes.addressof(methods.copy)
        self.files[file] = (opened, methods)
        (self.fresh.add if first_sync else self.fresh.discard)(file)

    def _xDelete(self, _vfs: int, name: bytes, sync_folder: int) -> int:
        path = os.fsdecode(name)
        if not os.path.lexists(path):
            return int(self.native["xDelete"](self.base_address, name, 0))
        role: Role = "wal" if path.endswith("-wal") else "journal"
        operation = Operation(kind="delete", role=role, path=path, file=File(path, role, lambda: _read(path)))
        result = self._run(operation, lambda: self.native["xDelete"](self.base_address, name, 0))
        if result == _OK and sync_folder:
            self._folder_synced(path, role)
        return result

    def _xRead(self, file: int, buffer: int, amount: int, offset: int) -> int:
        opened, methods = self.files[file]
        operation = Operation(
            kind="read", role=opened.role, path=opened.path, file=opened, offset=offset, length=amount
        )
        return self._run(operation, lambda: methods.native["xRead"](file, buffer, amount, offset))

    def _xFileSize(self, file: int, size: Any) -> int:
        opened, methods = self.files[file]
        operation = Operation(kind="size", role=opened.role, path=opened.path, file=opened)
        return self._run(operation, lambda: methods.native["xFileSize"](file, size))

    def _xWrite(self, file: int, buffer: int, amount: int, offset: int) -> int:
        opened, methods = self.files[file]

        def write(length: int) -> int:
            return int(methods.native["xWrite"](file, buffer, length, offset))

        data = ctypes.string_at(buffer, amount)
        operation = _writing(opened, offset, data)
        verdict = ask(operation)
        if verdict == "short":
            half = _writing(opened, offset, data[: amount // 2])
            if half.length and write(half.length) == _OK:
                tell(half)
        return self._finish(operation, lambda: write(amount), verdict)

    def _xTruncate(self, file: int, size: int) -> int:
        opened, methods = self.files[file]
        operation = Operation(kind="truncate", role=opened.role, path=opened.path, file=opened, offset=size)
        return self._run(operation, lambda: methods.native["xTruncate"](file, size))

    def _xSync(self, file: int, flags: int) -> int:
        # The disk itself is left alone: what a test wrote need not survive, and sweeps are many times quicker.
        opened, _ = self.files[file]
        result = self._run(Operation(kind="sync", role=opened.role, path=opened.path, file=opened), lambda: _OK)
        # The unix VFS syncs the folder with the first sync of a journal that it opened (os_unix.c, unixSync).
        if result == _OK and file in self.fresh:
            self.fresh.discard(file)
            self._folder_synced(opened.path, opened.role)
        return result

    def _xShmMap(self, file: int, page: int, size: int, extend: int, out: int) -> int:
        opened, methods = self.files[file]
        operation = Operation(kind="shm", role="shm", path=f"{opened.path}-shm", offset=page * size, length=size)
        return self._run(operation, lambda: methods.native["xShmMap"](file, page, size, extend, out))

    # The parts.

    def _run(self, operation: Operation, native: Callable[[], int]) -> int:
        return self._finish(operation, native, ask(operation))

    def _finish(self, operation: Operation, native: Callable[[], int], verdict: Verdict | None) -> int:
        if verdict is not None:
            return (_ERRORS if verdict == "error" else _NO_ROOM)[operation.kind]
        result = int(native())
        if result == _OK:
            tell(operation)
        return result

    def _folder_synced(self, path: str, role: Role) -> None:
        tell(Operation(kind="sync_folder", role=role, path=os.path.dirname(path)))

    def _content(self, file: int) -> bytes:
        _, methods = self.files[file]
        size = ctypes.c_int64()
        if methods.native["xFileSize"](file, ctypes.byref(size)) != _OK or size.value == 0:
            return b""
        buffer = ctypes.create_string_buffer(size.value)
        if methods.native["xRead"](file, ctypes.addressof(buffer), size.value, 0) != _OK:
            raise OSError(f'"{self.files[file][0].path}" could not be read')
        return buffer.raw


def _address(function: Any) -> int | None:
    return ctypes.cast(function, ctypes.c_void_p).value


def _writing(opened: File, offset: int, data: bytes) -> Operation:
    return Operation(
        kind="write", role=opened.role, path=opened.path, file=opened, offset=offset, length=len(data), data=data
    )


def _read(path: str) -> bytes:
    # Only of journals, which carry no locks: closing a descriptor of the database itself would drop SQLite's.
    with open(path, "rb") as file:
        return file.read()


_shims: list[_Shim] = []


@contextmanager
def shimmed() -> Iterator[None]:
    """The shim is in place while the block runs; blocks may be nested. What failed inside the shim is raised here."""
    if not _shims:
        _shims.append(_Shim())
        atexit.register(_at_exit)
    shim = _shims[0]
    if shim.users == 0:
        shim.install()
    shim.users += 1
    try:
        yield
    finally:
        shim.users -= 1
        if shim.users == 0:
            shim.remove()
        failure, shim.failure = shim.failure, None
    if failure is not None:
        raise failure


def _at_exit() -> None:
    # Connections that are still open are closed after the interpreter's end: nothing of Python may be called then.
    _shims[0]._wrap(False)
