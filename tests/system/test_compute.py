"""The rig's table [compute], by the real command."""

from __future__ import annotations

import pytest

from program import ANY_PORT, posewire

RUN = ("--source", "synthetic:frames=20,seed=4", "--pace", "max", "--publish", ANY_PORT, "--provider", "cpu", "--json")


def test_peaks_of_the_graph_are_the_same_stream(tmp_path):
    found = []
    for peaks in ("graph", "host"):
        rig = tmp_path / f"{peaks}.toml"
        rig.write_text(f'[compute]\npeaks = "{peaks}"\nspinning = "off"\n')
        ended = posewire("run", rig, *RUN)
        assert ended.status == 0, ended.stderr
        assert ended.report["published"]["messages"] == 20
        found.append(ended.report["truth_px"])
    assert found[0] == pytest.approx(found[1], abs=1e-3)


def test_a_table_that_cannot_be_is_one_line(tmp_path):
    rig = tmp_path / "rig.toml"
    rig.write_text('model = "synthetic-animals"\n[compute]\npeaks = "graph"\n')
    ended = posewire("run", rig, *RUN)
    assert ended.status == 2
    assert ended.stderr.splitlines()[-1].startswith("posewire: [compute] peaks = graph: for models of one animal")
