"""`posewire bench` as its user meets it: every verb really run, shortly."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from program import posewire

SHORT = ("--rounds", 5, "--seconds", 0.05)


def names(report) -> list[str]:
    return [figure["name"] for figure in report["figures"]]


def check(report, kind: str, rounds: int = 5) -> None:
    """What every report holds."""
    assert (report["bench"], report["format"]) == (kind, 1)
    assert f"bench {kind}" in report["command"]
    assert report["machine"]["cores"] == os.cpu_count()
    assert len(set(names(report))) == len(report["figures"])
    for figure in report["figures"]:
        assert 0 < figure["p50"] <= figure["p95"] <= figure["p99"] <= figure["p999"] <= figure["max"]
        assert figure["count"] == sum(figure["rounds"]["count"]) == sum(figure["histogram"]["counts"])
        assert len(figure["rounds"]["p50"]) == rounds
        assert figure["warm_up"] > 0


def test_model_takes_turns_with_models_sizes_and_threads(dots, tmp_path):
    out = tmp_path / "figures"
    ended = posewire(
        *("bench", "model", "--model", dots, "--size", "64x64", "--size", "100x70", "--threads", 1, "--batch", 2),
        *("--provider", "cpu", "--preset", "kane2020", *SHORT, "--out", out, "--json"),
    )
    assert ended.status == 0, ended.stderr
    check(ended.report, "model")
    assert names(ended.report) == [
        "dots 64x64, cpu, 1 thread, batch 2",
        "dots 104x72 (for 100x70), cpu, 1 thread, batch 2",
    ]
    assert ended.report["comparisons"][0]["p50"]["ratio"]["low"] is not None
    assert ended.report["published"]["preset"] == "kane2020"
    assert json.loads((out / "FIGURES.json").read_text()) == ended.report
    assert (out / "FIGURES.html").read_text().count("<svg") == 4


def test_a_run_is_compared_with_another_and_with_no_other_kind(dots, tmp_path):
    posewire("bench", "model", "--model", dots, "--size", "64x64", *SHORT, "--out", tmp_path / "model")
    posewire("bench", "decode", "--animals", 1, "--cells", "16x16", *SHORT, "--out", tmp_path / "decode")
    ended = posewire("bench", "compare", tmp_path / "model", tmp_path / "model" / "FIGURES.json", "--json")
    assert ended.status == 0, ended.stderr
    assert ended.report["rows"][0]["p50"]["verdict"] == "no difference shown"
    ended = posewire("bench", "compare", tmp_path / "model", tmp_path / "decode")
    assert ended.status == 2
    assert ended.stderr.count("\n") == 1
    assert "time different things" in ended.stderr


def test_decode_needs_nothing_beyond_the_base_install():
    absent = ("psutil", "matplotlib", "pandas", "h5py", "onnx", "tensorflow", "scipy", "sklearn")
    program = f"import sys; sys.modules.update(dict.fromkeys({absent})); from posewire.cli import main; main()"
    arguments = ("--animals", 1, "--animals", 3, "--keypoints", 5, "--cells", "40x24", *SHORT)
    ended = subprocess.run(
        [sys.executable, "-c", program, "bench", "decode", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    for name in ("best peaks, 1 animal ", "peaks and linking, 3 animals", "peaks alone, 3 animals"):
        assert name in ended.stdout
    assert "Numba's open allocations" in ended.stdout


def test_wire_measures_beside_a_subscriber_that_is_really_stuck():
    ended = posewire(
        *("bench", "wire", "--subscribers", 5, "--stuck", 1, "--place", "middle", "--rate", 400, "--rounds", 2),
        *("--seconds", 0.5, "--json"),
    )
    assert ended.status == 0, ended.stderr
    report = ended.report
    check(report, "wire", rounds=2)
    alone, crowded = report["figures"][:2]
    assert alone["name"] == "in hand, 1 subscriber, 400/s, reader"
    assert crowded["name"] == "in hand, 5 subscribers, 1 stuck, the measured one middle, 400/s, reader"
    assert alone["count"] == crowded["count"] == 200
    others = report["others"]
    assert others["reading"] == [others["sent"]] * 3
    assert 0 < others["stuck"][0] < others["sent"]
    assert report["comparisons"][0]["of"] == crowded["name"]


def test_wire_through_the_client_with_the_cores_kept_awake():
    ended = posewire(
        *("bench", "wire", "--reader", "client", "--awake", "--rate", 200, "--rounds", 5, "--seconds", 0.2, "--json"),
    )
    assert ended.status == 0, ended.stderr
    assert ended.report["figures"][0]["name"] == "in hand, 1 subscriber, 200/s, client, cores awake"
    assert ended.report["comparisons"] == []


def test_pipeline_times_what_is_about_the_network(dots):
    ended = posewire(
        *("bench", "pipeline", "--model", dots, "--size", "64x48", "--size", "100x70", "--frame-size", "160x120"),
        *("--frames", 4, "--provider", "cpu", "--threads", 1, "--whole", "--rounds", 2, "--seconds", 0.1, "--json"),
        *("--source", "synthetic:size=160x120,frames=20"),
    )
    assert ended.status == 0, ended.stderr
    report = ended.report
    check(report, "pipeline", rounds=2)
    assert names(report)[:2] == [
        "pipeline, dots, crop 64x48 of 160x120 -> 64x48, cpu, 1 thread",
        "bare network, dots, crop 64x48 of 160x120 -> 64x48, cpu, 1 thread",
    ]
    parts = {name.split(",")[0] for name in names(report) if name.startswith("- ")}
    assert parts == {
        *("- prepare", "- infer", "- decode", "- publish", "- after the send", "- frame to reader's hand"),
    }
    by_name = {figure["name"]: figure for figure in report["figures"]}
    pipeline, arrived = names(report)[0], next(name for name in names(report) if "reader's hand" in name)
    assert by_name[arrived]["rounds"]["count"] == by_name[pipeline]["rounds"]["count"]  # every message came
    assert [one["of"] for one in report["comparisons"]] == [n for n in names(report) if n.startswith("pipeline")]
    assert report["whole_program"]["frames"] == 20
    assert len(report["whole_program"]["frames_per_second"]["rounds"]) == 2


def test_pipeline_of_several_animals_tells_them_apart():
    ended = posewire(
        *("bench", "pipeline", "--model", "synthetic-animals", "--source", "synthetic:animals=2,size=128x96"),
        *("--frames", 4, "--crop", "0,0,96,96", "--rounds", 1, "--seconds", 0.1, "--json"),
    )
    assert ended.status == 0, ended.stderr
    assert any(name.startswith("- track, synthetic-animals, crop 96x96 of 128x96") for name in names(ended.report))


def test_all_is_one_report(dots, tmp_path):
    ended = posewire("bench", "all", "--quick", "--model", dots, "--rounds", 1, "--seconds", 0.05, "--json")
    assert ended.status == 0, ended.stderr
    check(ended.report, "all", rounds=1)
    assert {name.removeprefix("- ").split(":")[0] for name in names(ended.report)} == {
        *("model", "decode", "wire", "pipeline"),
    }
    assert ended.report["doctor"]["providers"]["cpu"]["works"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("model", "--model", "mouse-topveiw"), "did you mean 'mouse-topview'"),
        (("wire", "--reader", "clinet"), "did you mean 'client'"),
        (("pipeline", "--source", "absent.mp4"), "absent.mp4"),
        (("pipeline", "--against", "dlclive"), "--peer-python PATH"),
        (("compare", "absent.json", "absent.json"), "absent.json: cannot be read"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments, words):
    ended = posewire("bench", *arguments)
    assert (ended.status, ended.stderr.count("\n")) == (2, 1), ended.stderr
    assert words in ended.stderr
    assert ended.stdout == ""


def test_a_python_without_the_peer_is_told_in_one_line(dots):
    ended = posewire(
        *("bench", "pipeline", "--model", dots, "--source", "synthetic:size=64x64", "--frames", 2, *SHORT),
        *("--against", "dlclive", "--peer-python", sys.executable),
    )
    assert ended.status == 1
    assert "DeepLabCut-Live ended in the peer's Python: ModuleNotFoundError: No module named 'dlclive'" in ended.stderr


def test_the_peer_takes_turns(dots):
    python = os.environ.get("POSEWIRE_PEER_PYTHON")
    if not python:
        pytest.skip("DeepLabCut-Live is not here (set POSEWIRE_PEER_PYTHON to a Python that has it)")
    ended = posewire(
        *("bench", "pipeline", "--model", dots, "--source", "synthetic:size=96x64", "--frames", 3, "--json", *SHORT),
        *("--against", "dlclive", "--peer-python", python),
    )
    assert ended.status == 0, ended.stderr
    check(ended.report, "pipeline")
    peers = [figure for figure in ended.report["figures"] if "peer" in figure]
    assert [figure["peer"]["keypoints"] for figure in peers] == [4] * len(peers)
    assert ended.report["comparisons"][-1]["to"] in [figure["name"] for figure in peers]
