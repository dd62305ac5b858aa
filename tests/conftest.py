"""Hypothesis profiles: dev, ci (the same examples each time), --hypothesis-profile=deep."""

import os

from hypothesis import HealthCheck, settings

# Deadlines and slow-data checks would judge the first call of a jitted function: its compilation.
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

settings.register_profile("dev", UNTIMED, max_examples=50)
settings.register_profile("ci", UNTIMED, max_examples=100, derandomize=True, print_blob=True)
settings.register_profile("deep", UNTIMED, max_examples=20_000)
settings.load_profile("ci" if "CI" in os.environ else "dev")
