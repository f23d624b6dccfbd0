"""Ctrl-C while SQLite computes: Python would hear it only when the statement is done."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from sodaf_migrate.events import CancelToken

__all__ = ["cancelling"]


@contextmanager
def cancelling(token: CancelToken) -> Iterator[None]:
    """While the block runs, Ctrl-C cancels ``token``; the handlers of before come back at the end.

    Raises KeyboardInterrupt for a second Ctrl-C, and where nothing is under way that the token could stop.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return
    hearing, told = socket.socketpair()
    told.setblocking(False)
    # The C part of Python's handler writes the number there at once; the part in Python waits for the main thread,
    # which is inside SQLite and leaves it only when it is interrupted.
    listener = threading.Thread(target=_listen, args=(hearing, token), name="sodaf_migrate interrupts", daemon=True)
    listener.start()
    handler = signal.signal(signal.SIGINT, _Handler(token))
    descriptor = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(descriptor)
        signal.signal(signal.SIGINT, handler)
        told.close()  # ends the listener
        listener.join()
        hearing.close()


def _listen(hearing: socket.socket, token: CancelToken) -> None:
    while numbers := hearing.recv(64):
        if signal.SIGINT in numbers and token.is_heard:
            token.cancel()


class _Handler:
    """The part of the handler that the main thread runs."""

    def __init__(self, token: CancelToken) -> None:
        self.token, self.pressed = token, False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.pressed or not self.token.is_heard:
            raise KeyboardInterrupt
        self.pressed = True
        self.token.cancel()
