"""The seed of everything random in a run."""

import os
import subprocess

from harness import paths


def base_seed() -> str:
    """`BYRE_SEED`, by default the commit: each has its own series, and anyone can repeat it."""
    if "BYRE_SEED" in os.environ:
        return os.environ["BYRE_SEED"]
    commit = ["git", "-C", str(paths.REPOSITORY), "rev-parse", "--short", "HEAD"]
    found = subprocess.run(commit, capture_output=True, text=True)
    return found.stdout.strip() or "byre"
