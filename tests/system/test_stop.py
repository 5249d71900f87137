"""Signals: the program ends at once, with its report, wherever it is."""

from __future__ import annotations

import signal
import subprocess
import sys

import psutil
import pytest
import zmq

from program import ANY_PORT, end, free_endpoint, start

# An extension module that is loaded when the signal comes turns it into an error of its own.
SPOILT = """
import importlib.abc, os, signal, sys, time
class Spoilt(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name != "posewire.service":
            return None
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(30)
        except BaseException:
            raise ImportError("initialization failed") from None
sys.meta_path.insert(0, Spoilt())
from posewire.cli import main
sys.argv = ["posewire", "run"]
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for another process")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("source", ["synthetic", "fault:hang=30|synthetic"])
def test_a_signal_in_mid_run_ends_it_with_a_report(dots, number, source):
    """Also while the source hangs in a read: exit 0, report, no traceback, no process left."""
    endpoint = free_endpoint()
    process = start("run", "--source", source, "--model", dots, "--publish", endpoint, "--json")
    with zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.subscribe("pose/main")
        socket.connect(endpoint)
        for _ in range(3):
            assert socket.poll(60_000)
            socket.recv_multipart()
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    process.send_signal(number)  # a terminal and a script may both send theirs
    ended = end(process, 10)
    assert ended.status == 0, ended.stderr
    assert ended.report["frames"]["processed"] >= 3
    assert "Traceback" not in ended.stderr
    assert not any(child.is_running() for child in family)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM for another process")
def test_a_signal_during_the_start_ends_it_too(dots):
    process = start("run", "--model", dots, "--wait-subscribers", 1, "--publish", ANY_PORT, "--json")
    assert process.stderr is not None
    process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    ended = end(process, 20)
    assert ended.status == 0
    assert "Traceback" not in ended.stderr
    assert ended.report["frames"] == {"offered": 0, "processed": 0, "skipped": 0}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for another process")
def test_a_signal_that_native_code_swallows_is_a_stop():
    done = subprocess.run([sys.executable, "-c", SPOILT], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "posewire: stopped\n"
