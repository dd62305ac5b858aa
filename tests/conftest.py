"""Hypothesis profiles: dev, ci (the same examples each time), --hypothesis-profile=deep.

What tests keep is in folders of their own, not in the user's. What XLA has compiled is kept beside
pytest's own cache, so that the next run, which compiles the same again, is spared it.
"""

import os

import pytest
from hypothesis import HealthCheck, settings

from msdnum import _cache

# Deadlines and slow-data checks would judge the first call of a jitted function: its compilation.
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

settings.register_profile("dev", UNTIMED, max_examples=50)
settings.register_profile("ci", UNTIMED, max_examples=100, derandomize=True, print_blob=True)
settings.register_profile("deep", UNTIMED, max_examples=20_000)
settings.load_profile("ci" if "CI" in os.environ else "dev")


def pytest_configure(config):
    if getattr(config, "cache", None):  # with -p no:cacheprovider nothing is kept
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(config.cache.mkdir("xla")))
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


@pytest.fixture(autouse=True, scope="session")
def cache_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_cache, "_folder", lambda: folder)
        yield folder
