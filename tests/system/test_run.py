"""`posewire run` as its user meets it: the real command, real files, real sockets."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import cv2
import msgpack
import numpy as np
import pytest
import zmq

import tiny_model
from paths import shared
from posewire_models.zoo import zoo_names
from program import ANY_PORT, COMMAND, end, free_endpoint, posewire, read_poses, start

STAGES = ["grabbed", "picked", "prepared", "inferred", "decoded", "sent"]


def test_the_real_video_through_the_shipped_model_reaches_a_bare_reader():
    """Every frame is processed, `seq` has no hole, stamps are in order, and the report adds up."""
    video = shared("dlc-openfield") / "videos" / "m3v1mp4.mp4"
    endpoint = free_endpoint()
    process = start(
        *("run", "--source", video, "--model", "mouse-topview", "--pace", "max", "--frames", 300),
        *("--wait-subscribers", 1, "--publish", endpoint, "--json"),
    )
    messages = read_poses(endpoint, process)
    ended = end(process)
    assert ended.status == 0, ended.stderr
    assert ended.report["frames"] == {"offered": 300, "processed": 300, "skipped": 0}
    assert ended.report["published"] == {"messages": 300, "endpoint": endpoint}
    assert [message["seq"] for message in messages] == list(range(300))
    assert [message["frame"] for message in messages] == list(range(300))
    finite = 0
    for message in messages:
        assert message["v"] == 1
        assert message["session"].hex() == ended.report["session"]
        stamps = [message["stamps"][stage] for stage in STAGES]
        assert stamps == sorted(stamps)
        assert message["stamps"]["exposed_from"] == "unknown"
        poses = np.frombuffer(message["poses"], "<f4").reshape(message["shape"])
        assert message["shape"] == [1, 4, 3]
        finite += int(np.isfinite(poses[..., 0]).sum())
    assert finite > 0.8 * 300 * 4


def test_without_any_argument_it_streams_the_synthetic_scene(tmp_path):
    ended = posewire("run", "--duration", 1.5, "--publish", ANY_PORT, "--json", cwd=tmp_path)
    assert ended.status == 0, ended.stderr
    report = ended.report
    assert (report["source"], report["model"]) == ("synthetic", "synthetic-animal")
    assert report["frames"]["processed"] > 0
    assert report["frames"]["offered"] == report["frames"]["processed"] + report["frames"]["skipped"]
    stages = {"wait", "prepare", "infer", "decode", "track", "rules", "publish", "total", "photon"}
    assert set(report["latency_ms"]) == stages
    assert report["latency_ms"]["track"] is None  # one animal
    assert report["latency_ms"]["rules"] is None  # and no rules
    assert report["latency_ms"]["photon"] is None
    assert report["truth_px"] < 20
    assert list(tmp_path.iterdir()) == []
    assert "posewire listen tcp://127.0.0.1:" in ended.stderr


def test_the_same_frames_give_the_same_poses(dots):
    def poses():
        endpoint = free_endpoint()
        process = start(
            *("run", "--source", "synthetic:seed=5,frames=20", "--model", dots, "--pace", "max"),
            *("--publish", endpoint, "--wait-subscribers", 1),
        )
        found = [message["poses"] for message in read_poses(endpoint, process)]
        assert end(process).status == 0
        return found

    first = poses()
    assert len(first) == 20
    assert first == poses()


def test_a_source_that_vanishes_is_exit_1_with_the_report(dots):
    ended = posewire(
        "run",
        "--source",
        "fault:vanish=25|synthetic",
        "--model",
        dots,
        "--pace",
        "max",
        "--publish",
        ANY_PORT,
        "--json",
    )
    assert ended.status == 1
    assert ended.report["frames"]["processed"] == 25
    assert "Traceback" not in ended.stderr


def test_at_real_pace_a_stall_shows_and_every_frame_is_accounted_for(dots):
    ended = posewire(
        *("run", "--source", "fault:stall=20:0.4|synthetic:fps=50,frames=60", "--model", dots),
        *("--publish", ANY_PORT, "--json"),
    )
    frames = ended.report["frames"]
    assert frames["offered"] == 60 == frames["processed"] + frames["skipped"]
    assert frames["skipped"] >= 1  # of the 20 that came at once after the stall
    assert ended.report["latency_ms"]["wait"]["max"] >= 0.05 * 1000


def test_frames_that_change_size_in_mid_run_are_followed(dots):
    ended = posewire(
        *("run", "--source", "fault:resize=5:320x240|synthetic:frames=10", "--model", dots, "--pace", "max"),
        *("--publish", ANY_PORT, "--json"),
    )
    assert ended.status == 0, ended.stderr
    assert ended.report["frames"]["processed"] == 10
    assert "320x240" in ended.stderr


def test_meta_comes_at_once_and_goes_on_while_the_source_stalls(dots):
    endpoint = free_endpoint()
    process = start(
        "run", "--source", "fault:hang=2|synthetic", "--model", dots, "--publish", endpoint, "--stream", "rig-2"
    )
    received = []
    with zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.subscribe("meta/rig-2")
        socket.connect(endpoint)
        for _ in range(3):
            assert socket.poll(60_000)
            topic, payload = socket.recv_multipart()
            assert topic == b"meta/rig-2"
            received.append(msgpack.unpackb(payload))
    process.terminate()
    end(process)
    meta = received[0]
    assert meta["keypoints"] == ["blue", "green", "red"]
    assert meta["skeleton"] == [[0, 1], [1, 2]]
    assert meta["size"] == [640, 480]
    assert meta["model"]["name"] == "dots"
    assert meta["model"]["provider"] == "cpu" or meta["model"]["provider"] == "cuda"
    assert set(meta["clock"]) == {"name", "wall_minus_clock_ns", "host", "boot"}
    assert all(other == meta for other in received)


@pytest.mark.parametrize("ending", ["mp4", "png"])
def test_show_writes_what_the_network_saw(tmp_path, dots, ending):
    path = tmp_path / f"shown.{ending}"
    ended = posewire(
        *("run", "--source", "synthetic:frames=12", "--model", dots, "--pace", "max"),
        *("--publish", ANY_PORT, "--show", path),
    )
    assert ended.status == 0, ended.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["dots.onnx", path.name]
    if ending == "png":
        assert cv2.imread(str(path)).shape == (500, 640, 3)
    else:
        film = cv2.VideoCapture(str(path))
        count = 0
        while film.read()[0]:
            count += 1
        assert count == 12


def test_a_rig_file_holds_the_options(tmp_path, dots):
    rig = tmp_path / "rig.toml"
    rig.write_text(f'source = "synthetic:frames=7"\nmodel = \'{dots}\'\npace = "max"\npublish = "{ANY_PORT}"\n')
    assert posewire("run", rig, "--json").report["frames"]["processed"] == 7


def test_a_truncated_video_is_processed_as_far_as_it_goes(tmp_path, dots):
    path = tmp_path / "cut.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30, (320, 240))
    for n in range(60):
        writer.write(tiny_model.draw({"green": (50 + n, 100)}))
    writer.release()
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    ended = posewire("run", "--source", path, "--model", dots, "--pace", "max", "--publish", ANY_PORT, "--json")
    assert ended.status == 0, ended.stderr
    assert 5 < ended.report["frames"]["processed"] < 60
    assert "60 frames" in ended.stderr


def test_streaming_and_import_load_neither_tensorflow_nor_training(dots):
    program = (
        "import sys, posewire.cli\n"
        f"sys.argv = ['posewire', 'run', '--model', {str(dots)!r}, '--frames', '3', '--publish', {ANY_PORT!r}]\n"
        "try: posewire.cli.main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "loaded = {name.split('.')[0] for name in sys.modules}\n"
        "sys.stderr.write(repr(loaded & {'tensorflow', 'keras', 'pandas', 'posewire_training', 'posewire_bench'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert done.stderr.endswith("set()"), done.stderr


def test_what_native_libraries_print_never_reaches_stdout():
    program = (
        "import os, sys\n"
        "from posewire.console import keep_stdout_clean\n"
        "keep_stdout_clean()\n"
        "os.write(1, b'native\\n')\n"
        "sys.stdout.write('ours\\n')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == ("ours\n", "native\n")


def test_subscribers_that_never_read_do_not_stop_the_stream(dots):
    """Five sockets connect and never receive: every frame is still processed and the stop is clean."""
    endpoint = free_endpoint()
    with zmq.Context() as context:
        sockets = [context.socket(zmq.SUB) for _ in range(5)]
        for socket in sockets:
            socket.set(zmq.RCVHWM, 1)
            socket.subscribe("")
            socket.connect(endpoint)
        ended = posewire(
            *("run", "--source", "synthetic:size=64x64,frames=3000", "--model", dots, "--pace", "max"),
            *("--wait-subscribers", 5, "--publish", endpoint, "--json"),
        )
        for socket in sockets:
            socket.close(linger=0)
    assert ended.status == 0, ended.stderr
    assert ended.report["published"]["messages"] == 3000


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are a POSIX thing")
def test_on_a_terminal_there_is_a_live_status_line(dots):
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [*COMMAND, "run", "--model", str(dots), "--duration", "2", "--publish", ANY_PORT],
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    written = bytearray()

    def read():
        try:
            while chunk := os.read(ours, 4096):
                written.extend(chunk)
        except OSError:
            return  # the other side is closed

    reader = threading.Thread(target=read)
    reader.start()
    assert process.wait(60) == 0
    reader.join(10)
    os.close(ours)
    assert b"frames " in written
    assert b"p99" in written
    assert b"skipped" in written


def test_models_list_names_the_zoo():
    assert [card["name"] for card in posewire("models", "list", "--json").report["models"]] == zoo_names()
    shown = posewire("models", "show", "mouse-topview", "--json").report
    assert shown["settings"]["schedule"]["steps"] == shown["trained_on"]["steps"]


def test_doctor_proves_the_cpu_and_reads_the_clock():
    report = posewire("doctor", "--json").report
    assert report["providers"]["cpu"]["works"] is True
    assert report["providers"]["cpu"]["p50_ms"] > 0
    assert report["clock"]["resolution_ns"] > 0
    assert all("reason" in found for found in report["providers"].values() if not found["works"])


def test_several_animals_before_a_network_for_one_are_remarked(dots):
    ended = posewire(
        "run", "--source", "synthetic:animals=2,frames=3", "--pace", "max", "--model", dots, "--publish", ANY_PORT
    )
    assert ended.status == 0
    assert "2 animals, but" in ended.stderr
