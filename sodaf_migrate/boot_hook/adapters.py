"""``boot`` in the words of frameworks: the lifespan of an ASGI application, and ``init_app`` of a Flask-like one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from sodaf_migrate.boot_hook.hook import BootResult, boot
from sodaf_migrate.wire.open import Target

__all__ = ["init_app", "lifespan"]


def lifespan(database: Target, doctypes: Any, **options: Any) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """A lifespan for Starlette, FastAPI and their kin; ``options`` are those of ``boot``.

    The work is done in a worker thread, so the event loop goes on; the application starts once it is done. What it
    found is in ``app.state.boot`` where the application has a state. A caller's connection belongs to its own thread:
    give the path.
    """

    @asynccontextmanager
    async def around(app: Any) -> AsyncIterator[None]:
        result = await asyncio.to_thread(boot, database, doctypes, **options)
        if hasattr(app, "state"):
            app.state.boot = result
        yield

    return around


def init_app(app: Any, database: Target | None = None, doctypes: Any = None, **options: Any) -> BootResult:
    """Boot a Flask-like application and keep the result in ``app.extensions["sodaf_migrate"]``.

    What is not given comes from ``app.config``: SODAF_DATABASE, SODAF_DOCTYPES, SODAF_BOOT_MODE.
    """
    config = app.config
    if "mode" not in options and "SODAF_BOOT_MODE" in config:
        options["mode"] = config["SODAF_BOOT_MODE"]
    result = boot(
        config["SODAF_DATABASE"] if database is None else database,
        config["SODAF_DOCTYPES"] if doctypes is None else doctypes,
        **options,
    )
    app.extensions["sodaf_migrate"] = result
    return result
