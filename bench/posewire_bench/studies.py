"""What studies of many trainings share: settings as TOML, and a mean over seeds with its interval."""

from __future__ import annotations

import json
import math
import statistics
from typing import Any

# Two-sided 95 % points of Student's t for 1 to 9 degrees of freedom; beyond, that of 9 errs on the safe side.
_T = {1: 12.71, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}


def toml_of(fields: dict[str, Any]) -> str:
    """Settings as TOML; what JSON writes of plain values and lists of them is TOML too."""
    plain = {key: value for key, value in fields.items() if not isinstance(value, dict) and key != "labels"}
    lines = [f"{key} = {json.dumps(value)}" for key, value in plain.items()]
    if "labels" in fields:
        files = [", ".join(f"{k} = {json.dumps(v)}" for k, v in entry.items()) for entry in fields["labels"]]
        lines.append("labels = [" + ", ".join(f"{{ {file} }}" for file in files) + "]")
    for key, value in fields.items():
        if isinstance(value, dict):
            lines += ["", f"[{key}]", toml_of(value)]
    return "\n".join(lines)


def summary(errors: list[float]) -> dict[str, Any]:
    """Mean over seeds with its 95 % interval by Student's t; no interval of one seed."""
    mean = statistics.fmean(errors)
    interval = None
    if len(errors) > 1:
        half = _T[min(9, len(errors) - 1)] * statistics.stdev(errors) / math.sqrt(len(errors))
        interval = [mean - half, mean + half]
    return {"mean_px": mean, "interval_px": interval, "seeds": errors}
