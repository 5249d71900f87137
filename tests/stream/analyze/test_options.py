"""What the verb can be told, and how it uses a machine."""

from __future__ import annotations

import pytest

from posewire.analyze import options
from posewire.analyze.options import analyze_settings, layout, parse_formats
from posewire_models.errors import InputError


def test_formats_are_chosen_by_what_is_installed(monkeypatch):
    assert parse_formats(None) == ("h5",)
    assert parse_formats("csv, .H5,csv") == ("csv", "h5")
    monkeypatch.setattr(options, "find_spec", lambda name: None)
    assert parse_formats(None) == ("csv",)
    assert parse_formats("csv") == ("csv",)
    with pytest.raises(InputError, match=r"--format slp: sleap_io is missing; .*posewire\[analyze\]"):
        parse_formats("csv,slp")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"format": "hdf5"}, "--format hdf5: expected h5, csv"),
        ({"format": ","}, "expected one or more of"),
        ({"animals": 0}, "--animals 0: input should be greater"),
        ({"min_score": 2.0}, "--min-score 2.0"),
        ({"batch": -1}, "--batch -1"),
    ],
)
def test_a_wrong_option_is_named(given, message):
    with pytest.raises(InputError, match=message):
        analyze_settings(given)


def test_the_machine_is_used_as_measured():
    settings = analyze_settings({})
    on_cpu = layout(settings, "cpu", 8)
    assert (on_cpu.workers, on_cpu.threads, on_cpu.batch, on_cpu.decoders) == (8, 1, 1, 2)
    assert layout(settings, "cpu", 1).decoders == 1
    assert layout(analyze_settings({"threads": 4}), "cpu", 8).workers == 2
    on_gpu = layout(settings, "cuda", 8)
    assert (on_gpu.workers, on_gpu.batch) == (1, options.GPU_BATCH)
    asked = layout(analyze_settings({"workers": 3, "batch": 4}), "cpu", 8)
    assert (asked.workers, asked.batch) == (3, 4)
    with pytest.raises(InputError, match="give at most 2 workers"):
        layout(analyze_settings({"workers": 3, "threads": 4}), "cpu", 8)
    with pytest.raises(InputError, match="--threads 9: this machine has 2 cores"):
        layout(analyze_settings({"threads": 9}), "cpu", 2)
