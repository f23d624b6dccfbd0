"""Other processes: workers that start at once, writers and readers beside a migration, and death at any moment.

Functions that run in other processes are sent there by name: they must stand at the top of a module, with arguments
by ``functools.partial``.
"""

from __future__ import annotations

import multiprocessing
import random
import subprocess
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

__all__ = ["Ended", "at_once", "kill_at_random", "process_context"]

_T = TypeVar("_T")
_FORK = "forkserver"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: killed, or done before its time came; ``after`` is seconds from its start."""

    killed: bool
    after: float


def process_context() -> Any:
    """How processes are started: from a clean one that has the engine loaded already, so that starting is quick."""
    if _FORK not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context(_FORK)
    context.set_forkserver_preload(["sodaf_migrate.applier.applier"])
    return context


def at_once(works: Sequence[Callable[[], _T]]) -> list[_T]:
    """What each of the functions gives, each called in a process of its own, all let go at the same moment.

    Raises AssertionError with the traceback of the first that raised.
    """
    context = process_context()
    gate = context.Barrier(len(works))
    pipes = [context.Pipe(duplex=False) for _ in works]
    processes = [
        context.Process(target=_work, args=(work, sender, gate), daemon=True)
        for work, (_, sender) in zip(works, pipes, strict=True)
    ]
    for process, (_, sender) in zip(processes, pipes, strict=True):
        process.start()
        sender.close()
    answers = [_answer(receiver) for receiver, _ in pipes]
    for process in processes:
        process.join()
    for failed in (text for good, text in answers if not good):
        raise AssertionError(f"A process failed:\n{failed}")
    return [value for _, value in answers]


def kill_at_random(
    target: Sequence[str] | Callable[[], object], *, within: float, chance: random.Random | None = None
) -> Ended:
    """Starts a command or a function in a process of its own and kills it (SIGKILL) at a random moment.

    The moment lies within so many seconds from when the function begins (or the command is started); measure an
    undisturbed run to choose them. Raises AssertionError when the process failed by itself before.
    """
    moment = (chance or random.Random()).uniform(0, within)
    if callable(target):
        return _kill_function(target, moment)
    began = time.monotonic()
    with subprocess.Popen(target, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            _, said = process.communicate(timeout=moment)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return Ended(True, time.monotonic() - began)
    if process.returncode:
        raise AssertionError(f"{target[0]} failed by itself with exit code {process.returncode}:\n{said}")
    return Ended(False, time.monotonic() - began)


def _kill_function(function: Callable[[], object], moment: float) -> Ended:
    context = process_context()
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(function, sender, None), daemon=True)
    process.start()
    sender.close()
    receiver.recv()  # it is about to begin
    began = time.monotonic()
    if receiver.poll(moment):
        good, said = _answer(receiver)
        process.join()
        if not good:
            raise AssertionError(f"The process failed by itself:\n{said}")
        return Ended(False, time.monotonic() - began)
    process.kill()
    process.join()
    return Ended(True, time.monotonic() - began)


def _work(work: Callable[[], Any], answers: Any, gate: Any) -> None:
    try:
        if gate is not None:
            gate.wait(60)
        else:
            answers.send("begins")
        answers.send((True, work()))
    except BaseException:
        answers.send((False, traceback.format_exc()))


def _answer(receiver: Any) -> tuple[bool, Any]:
    try:
        answer: tuple[bool, Any] = receiver.recv()
    except EOFError:
        return False, "It ended without a word."
    return answer
