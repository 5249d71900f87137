"""What `posewire listen` prints, and the report it ends with."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from posewire.clock import clock_info, now_ns
from posewire.listen import listen
from posewire.publish import Publisher
from posewire_models.errors import InputError
from wiring import ANY_PORT, OTHER_SESSION, SESSION, meta, payload, wait_for_subscriptions, wait_until

Listen = Callable[..., "Future[dict[str, Any]]"]


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher(ANY_PORT, "main") as publisher:
        yield publisher


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def start(publisher: Publisher, out: io.StringIO, log: io.StringIO) -> Iterator[Listen]:
    """Listens beside the test, and returns when the subscription and the meta have arrived."""
    stop = threading.Event()
    with ThreadPoolExecutor(1) as beside:

        def begin(host: str | None = None, **options: Any) -> Future[dict[str, Any]]:
            clock = clock_info() if host is None else replace(clock_info(), host=host)
            report = beside.submit(listen, publisher.endpoint, out=out, log=log, stop=stop, **options)
            publisher.set_meta(meta(clock=clock))
            wait_for_subscriptions(publisher, 1)
            publisher.service(now_ns())
            return report

        yield begin
        stop.set()


def send(publisher: Publisher, *seqs: int, session: bytes = SESSION) -> None:
    for seq in seqs:
        publisher.send_pose(payload(seq, session=session, grabbed=now_ns(), frame=10 * seq))


def test_each_pose_is_a_line_and_gaps_are_told(publisher: Publisher, start: Listen, out: io.StringIO) -> None:
    report = start(count=3, everything=True)
    send(publisher, 0, 1, 4)
    assert report.result(10)["lost"] == 2
    lines = out.getvalue().splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("seq 0  frame 0  age ")
    assert lines[0].endswith("snout 0.0,1.0,0.50  tail 2.0,3.0,0.90")
    assert "LOST" not in lines[1]
    assert "LOST 2" in lines[2]
    assert lines[3].startswith("received 3, lost 2, passed over 0 (not printed); age p50 ")


def test_a_terminal_is_not_flooded(publisher: Publisher, start: Listen, out: io.StringIO) -> None:
    """Every pose counts; the losses among those not printed are told with the next line or in the report."""
    report = start(count=500)
    send(publisher, *range(0, 1000, 2))
    result = report.result(10)
    printed = len(out.getvalue().splitlines()) - 1
    assert result["received"] == 500
    assert result["lost"] == 499
    assert printed + result["passed_over"] == 500
    assert result["passed_over"] > 0


def test_as_json_every_pose_is_an_object_and_the_report_is_last(
    publisher: Publisher, start: Listen, out: io.StringIO
) -> None:
    report = start(count=3, as_json=True)
    send(publisher, 0, 3)
    send(publisher, 0, session=OTHER_SESSION)
    *poses, last = [json.loads(line) for line in out_lines(report, out)]
    assert [pose["lost"] for pose in poses] == [0, 2, 0]
    assert poses[1]["seq"] == 3
    assert poses[1]["frame"] == 30
    assert poses[1]["animals"] == [{"snout": [3.0, 1.0, 0.5], "tail": [2.0, 3.0, 0.9]}]
    assert last == report.result()
    assert (last["received"], last["lost"], last["passed_over"]) == (3, 2, 0)
    assert last["sessions"] == [SESSION.hex(), OTHER_SESSION.hex()]
    assert 0 <= last["age_ms"]["p50"] <= last["age_ms"]["p95"] <= last["age_ms"]["p99"] <= last["age_ms"]["max"]


def out_lines(report: Future[dict[str, Any]], out: io.StringIO) -> list[str]:
    report.result(10)
    return out.getvalue().splitlines()


def test_ages_from_another_host_are_unknown(publisher: Publisher, start: Listen, out: io.StringIO) -> None:
    report = start(count=1, host="elsewhere")
    send(publisher, 0)
    lines = out_lines(report, out)
    assert "age unknown" in lines[0]
    assert lines[-1].endswith("age unknown")
    assert report.result()["age_ms"] == {"p50": None, "p95": None, "p99": None, "max": None}


def test_stop_ends_it_with_a_report(publisher: Publisher, out: io.StringIO, log: io.StringIO) -> None:
    stop = threading.Event()
    with ThreadPoolExecutor(1) as beside:
        report = beside.submit(listen, publisher.endpoint, out=out, log=log, stop=stop)
        wait_for_subscriptions(publisher, 1)
        send(publisher, 0)
        wait_until(lambda: "seq 0" in out.getvalue())
        stop.set()
        assert report.result(10)["received"] == 1


def test_duration_ends_it_although_nobody_publishes(out: io.StringIO, log: io.StringIO) -> None:
    with Publisher(ANY_PORT, "main") as gone:
        endpoint = gone.endpoint
    report = listen(endpoint, duration=0.05, out=out, log=log)
    assert (report["received"], report["lost"], report["sessions"]) == (0, 0, [])
    assert out.getvalue() == "received 0, lost 0, passed over 0 (not printed); age unknown\n"
    assert f"waiting for poses on {endpoint}, stream 'main'" in log.getvalue()


def test_the_log_says_who_publishes(publisher: Publisher, start: Listen, log: io.StringIO) -> None:
    report = start(count=1)
    wait_until(lambda: f"session {SESSION.hex()}: synthetic, 640 x 480 px, model m on" in log.getvalue())
    send(publisher, 0)
    report.result(10)


def test_a_bad_endpoint_is_refused() -> None:
    with pytest.raises(InputError, match="expected tcp://HOST:PORT"):
        listen("5555")
