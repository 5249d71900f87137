"""Runs the real `posewire run` and reads its report: what the whole-program figures are made of."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from typing import Any

from posewire import __version__
from posewire_training.card_facts import processor

COMMAND = (sys.executable, "-c", "from posewire.cli import main; main()")


def run_report(*arguments: object, **environment: str) -> dict[str, Any]:
    """The report of ``posewire run ARGUMENTS --json``. Raises RuntimeError with its stderr if it fails."""
    command = [*COMMAND, "run", *(str(argument) for argument in arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    report = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(report, dict)
    return report


def machine() -> dict[str, Any]:
    """Where figures were taken: processor, cores, load of the last minute, versions."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        "posewire": __version__,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
