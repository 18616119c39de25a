"""A data set is added in one place."""

import subprocess
import sys


def test_everything_follows_from_one_value() -> None:
    command = [sys.executable, "-m", "tests.unit.core.with_one_more"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "everything follows\n", done.stderr
