"""What nvidia-smi prints, read. The lines have the form of its own documentation; none comes from a GPU of ours."""

from __future__ import annotations

from posewire.gpu import state
from posewire.gpu.state import GpuState, parse_gpus, read_gpus

TEXT = """\
NVIDIA GeForce RTX 3060, 550.54.14, 1837, 2130, 7300, 54, 68.35, 41
Quadro K620, 470.256.02, 405, [N/A], 405, 38, [Not Supported], [Unknown Error]
"""


def test_every_gpu_is_read_and_what_is_not_told_is_none():
    assert parse_gpus(TEXT) == [
        GpuState("NVIDIA GeForce RTX 3060", "550.54.14", 1837, 2130, 7300, 54, 68.35, 41),
        GpuState("Quadro K620", "470.256.02", 405, None, 405, 38, None, None),
    ]


def test_what_is_no_such_line_is_passed_over():
    assert parse_gpus("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n\n") == []


def test_where_there_is_no_such_program_there_is_no_gpu(monkeypatch):
    monkeypatch.setattr(state, "_COMMAND", ("a-program-that-is-not-there",))
    assert read_gpus() == []


def test_every_field_is_asked_for():
    assert len(state._FIELDS) == len(GpuState.__dataclass_fields__)
    assert list(state._FIELDS) == list(GpuState.__dataclass_fields__)
