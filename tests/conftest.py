"""Hypothesis profiles: "quick" by default, "deep" when SODAF_TEST_DEEP=1."""

from __future__ import annotations

import os
import signal
import tempfile

from hypothesis import HealthCheck, settings

# A skip that is not on the written list fails the run; figures are told at its end.
pytest_plugins = ["tests.skips", "tests.told"]

_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile("quick", max_examples=100, deadline=None, suppress_health_check=_SLOW, print_blob=True)
settings.register_profile("deep", max_examples=5_000, deadline=None, suppress_health_check=_SLOW, print_blob=True)
settings.load_profile("deep" if os.environ.get("SODAF_TEST_DEEP") == "1" else "quick")

# Keys that are made on first use belong to the run, not to whoever runs it.
_home = tempfile.TemporaryDirectory(prefix="sodaf-tests-")  # it goes when the run ends
os.environ["XDG_CONFIG_HOME"] = _home.name
for _name in ("SODAF_BACKUP_KEY", "SODAF_BACKUP_KEY_FILE", "SODAF_BACKUP_PASSPHRASE"):
    os.environ.pop(_name, None)

# A run in the background is started with Ctrl-C ignored, and some tests are about Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
