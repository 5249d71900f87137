"""The client and the reader under it on real sockets: newest first, losses counted, ages honest, no thread left."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.metadata import version

import msgpack
import numpy as np
import pytest
import zmq

import posewire
from posewire import Client
from posewire.clock import ClockInfo, clock_info, now_ns
from posewire.publish import Publisher
from posewire.reader import REMEMBERED_SESSIONS, Pose, Reader, same_clock
from posewire_models.errors import InputError, WorkError
from wiring import ANY_PORT, OTHER_SESSION, meta, payload, wait_for_subscriptions, wait_until

LIMIT_MS = 10_000


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher(ANY_PORT, "main") as publisher:
        yield publisher


@pytest.fixture
def client(publisher: Publisher) -> Iterator[Client]:
    """A client whose subscription has arrived."""
    with Client(publisher.endpoint) as client:
        wait_for_subscriptions(publisher, 1)
        yield client


def send(publisher: Publisher, *seqs: int, session: bytes | None = None, grabbed: int = 1) -> None:
    for seq in seqs:
        publisher.send_pose(payload(seq, session=session or bytes(range(16)), grabbed=grabbed))


def send_meta(publisher: Publisher, clock: ClockInfo | None = None) -> None:
    publisher.set_meta(meta(clock=clock or clock_info()))
    publisher.service(now_ns())


# --- newest first


def test_a_slow_consumer_gets_the_newest_pose_once(publisher: Publisher, client: Client) -> None:
    send(publisher, *range(10))
    wait_until(lambda: client.received == 10)
    pose = client.newest(LIMIT_MS)
    assert pose is not None
    assert (pose.seq, pose.poses.tolist()[0][0][0]) == (9, 9.0)
    assert (client.passed_over, client.lost) == (9, 0)
    assert client.newest(0) is None


def test_a_quick_consumer_gets_every_pose(publisher: Publisher, client: Client) -> None:
    for seq in range(50):
        send(publisher, seq)
        assert next(client).seq == seq
    assert (client.received, client.passed_over, client.lost) == (50, 0, 0)


def test_a_pose_carries_what_was_sent(publisher: Publisher, client: Client) -> None:
    publisher.send_pose(payload(4, grabbed=12, frame=8))
    pose = next(client)
    assert (pose.seq, pose.frame, pose.stream, pose.session) == (4, 8, "main", bytes(range(16)))
    assert (pose.ids, pose.id_scores, pose.stamps["grabbed"], pose.stamps.sent) == ([-1], [0.0], 12, 12)
    assert pose.poses.dtype == np.float32
    np.testing.assert_array_equal(pose.poses, np.array([[[4, 1, 0.5], [2, 3, 0.9]]], np.float32))


def test_the_iteration_ends_when_nothing_comes_for_timeout_ms(publisher: Publisher) -> None:
    with Client(publisher.endpoint, timeout_ms=50) as client:
        wait_for_subscriptions(publisher, 1)
        send(publisher, 0)
        assert [pose.seq for pose in client] == [0]


# --- what was lost


def test_holes_in_seq_are_losses_and_a_new_session_is_none(publisher: Publisher, client: Client) -> None:
    send(publisher, 5, 6, 9)  # joined at 5: what came before was not for this reader
    wait_until(lambda: client.received == 3)
    assert client.lost == 2
    send(publisher, 3, 4, session=OTHER_SESSION)
    wait_until(lambda: client.received == 5)
    assert client.lost == 2
    send(publisher, 6, session=OTHER_SESSION)
    wait_until(lambda: client.received == 6)
    assert client.lost == 3


def test_another_stream_whose_name_begins_alike_is_not_heard() -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    socket = context.socket(zmq.XPUB)
    port = socket.bind_to_random_port("tcp://127.0.0.1")
    with Client(f"tcp://127.0.0.1:{port}", "a") as client:
        assert {socket.recv(), socket.recv()} == {b"\x01meta/a", b"\x01pose/a"}
        socket.send_multipart([b"pose/ab", payload(0, stream="ab")])
        socket.send_multipart([b"pose/a", payload(7, stream="a")])
        pose = client.newest(LIMIT_MS)
        assert pose is not None
        assert (pose.seq, client.received) == (7, 1)
    context.destroy(linger=0)


def test_a_reader_forgets_old_sessions_but_counts_them(publisher: Publisher) -> None:
    with Reader(publisher.endpoint) as reader:
        wait_for_subscriptions(publisher, 1)
        for number in range(REMEMBERED_SESSIONS + 2):
            send(publisher, 0, session=bytes([number] * 16))
            reader.receive(LIMIT_MS)
        assert len(reader.sessions) == REMEMBERED_SESSIONS + 2
        assert len(reader._views) == REMEMBERED_SESSIONS


# --- meta: names and clocks


def test_keypoints_are_found_by_name(publisher: Publisher, client: Client) -> None:
    assert client.meta is None
    assert client.wait_meta(0) is None
    send_meta(publisher)
    found = client.wait_meta(LIMIT_MS)
    assert found == client.meta
    assert found is not None
    assert found.keypoints == ("snout", "tail")
    send(publisher, 0)
    pose = next(client)
    assert pose.meta == found
    np.testing.assert_array_equal(pose.keypoint("tail"), np.array([[2, 3, 0.9]], np.float32))
    with pytest.raises(InputError, match=r"'snuot': stream 'main' has snout, tail; did you mean 'snout'\?"):
        pose.keypoint("snuot")


def test_the_first_pose_waits_for_the_names_that_come_with_meta(publisher: Publisher, client: Client) -> None:
    send(publisher, 0)
    pose = next(client)
    with ThreadPoolExecutor(1) as beside:
        snout = beside.submit(pose.keypoint, "snout")
        send_meta(publisher)
        assert snout.result(10).tolist() == [[0.0, 1.0, 0.5]]


def test_without_meta_a_name_is_an_error_that_says_so(publisher: Publisher) -> None:
    with Reader(publisher.endpoint) as reader:
        wait_for_subscriptions(publisher, 1)
        send(publisher, 0)
        pose = reader.receive(LIMIT_MS)
        assert isinstance(pose, Pose)
        with pytest.raises(WorkError, match="no meta message yet"):
            pose.keypoint("snout")


def test_age_counts_from_the_exposure_else_from_the_grab(publisher: Publisher, client: Client) -> None:
    send_meta(publisher)
    assert client.wait_meta(LIMIT_MS)
    send(publisher, 0, grabbed=5_000_000)
    pose = next(client)
    assert pose.age_ms(at_ns=7_500_000) == 2.5
    exposed = replace(pose, stamps=replace(pose.stamps, exposed=1_000_000))
    assert exposed.age_ms(at_ns=7_500_000) == 6.5
    assert pose.age_ms() == pytest.approx((now_ns() - 5_000_000) / 1e6, rel=0.1)


@pytest.mark.parametrize("change", [{"host": "elsewhere"}, {"boot": "yesterday"}, {"name": "QueryPerformanceCounter"}])
def test_age_is_nan_where_the_clock_is_another_one(
    publisher: Publisher, client: Client, change: dict[str, str]
) -> None:
    send_meta(publisher, replace(clock_info(), **change))
    assert client.wait_meta(LIMIT_MS)
    send(publisher, 0)
    assert math.isnan(next(client).age_ms())
    send(publisher, 1)
    with pytest.raises(InputError, match="max_age_ms=10"):
        client.newest(LIMIT_MS, max_age_ms=10)


def test_age_is_nan_while_the_clock_is_unknown(publisher: Publisher, client: Client) -> None:
    send(publisher, 0)
    pose = next(client)
    assert math.isnan(pose.age_ms())
    send_meta(publisher)
    assert client.wait_meta(LIMIT_MS)
    assert not math.isnan(pose.age_ms())


def test_boots_named_by_neighbouring_minutes_are_one() -> None:
    clock = ClockInfo("perf_counter_ns", 0, "here", "boot-100")
    assert same_clock(clock, replace(clock, boot="boot-101"))
    assert not same_clock(clock, replace(clock, boot="boot-102"))


def test_poses_older_than_max_age_are_passed_over(publisher: Publisher, client: Client) -> None:
    send_meta(publisher)
    assert client.wait_meta(LIMIT_MS)
    send(publisher, 0, grabbed=now_ns() - 3_600_000_000_000)
    wait_until(lambda: client.received == 1)
    assert client.newest(0, max_age_ms=60_000) is None
    assert client.passed_over == 1
    send(publisher, 1, grabbed=now_ns())
    pose = client.newest(LIMIT_MS, max_age_ms=60_000)
    assert pose is not None
    assert pose.seq == 1


# --- coming and going


def test_the_publisher_may_come_later_go_and_come_back() -> None:
    with Publisher(ANY_PORT, "main") as first:
        endpoint = first.endpoint
    with Client(endpoint) as client:
        assert client.newest(0) is None
        for total, session in ((2, bytes(16)), (4, OTHER_SESSION)):
            with Publisher(endpoint, "main") as publisher:
                wait_for_subscriptions(publisher, 1)
                send(publisher, 0, 1, session=session)
                wait_until(lambda total=total: client.received == total)
                pose = client.newest(LIMIT_MS)
                assert pose is not None
                assert (pose.session, pose.seq) == (session, 1)
        assert (client.received, client.lost) == (4, 0)


def test_close_ends_an_iteration_in_another_thread_and_leaves_no_thread(publisher: Publisher) -> None:
    before = threading.active_count()
    client = Client(publisher.endpoint)
    wait_for_subscriptions(publisher, 1)
    with ThreadPoolExecutor(1) as beside:
        seen = beside.submit(lambda: [pose.seq for pose in client])
        send(publisher, 0)
        wait_until(lambda: client.received == 1 and client._slot is None)
        client.close()
        assert seen.result(10) == [0]
    client.close()
    assert threading.active_count() == before
    assert client.newest() is None
    assert client.wait_meta() is None
    wait_for_subscriptions(publisher, 0)


def test_a_publisher_of_another_version_is_refused_where_poses_are_asked_for(
    publisher: Publisher, client: Client
) -> None:
    publisher.send_pose(msgpack.packb({**msgpack.unpackb(payload(0)), "v": 2}))
    for _ in range(2):
        with pytest.raises(InputError, match="reads version 1, the publisher sends 2"):
            client.newest(LIMIT_MS)
    with pytest.raises(InputError, match="version"):
        client.wait_meta(LIMIT_MS)


def test_a_message_of_three_frames_is_refused(publisher: Publisher, client: Client) -> None:
    assert publisher._socket is not None
    publisher._socket.send_multipart([b"pose/main", payload(0), b"more"])
    with pytest.raises(InputError, match="message of 3 frames"):
        client.newest(LIMIT_MS)


@pytest.mark.parametrize("endpoint", ["5555", "tcp://127.0.0.1", "tcp://127.0.0.1:*", "tcp://*:5555", "http://a:1"])
def test_an_endpoint_that_no_reader_can_use_is_refused(endpoint: str) -> None:
    before = threading.active_count()
    with pytest.raises(InputError, match=r"tcp://"):
        Client(endpoint)
    with pytest.raises(InputError, match="stream"):
        Client(stream="no/slash")
    assert threading.active_count() == before


# --- the package


def test_the_client_needs_no_inference_engine() -> None:
    """`import posewire` and `Client` load nothing heavy, so a rig's script starts in no time."""
    program = (
        "import sys, posewire; posewire.Client; posewire.Pose; heavy = {'onnxruntime', 'numba', 'cv2', 'tensorflow', "
        "'pydantic', 'typer', 'rich'}; print(*sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_the_package_offers_its_names_and_no_others() -> None:
    assert set(posewire.__all__) <= set(dir(posewire))
    for name in posewire.__all__:
        assert getattr(posewire, name) is not None
    with pytest.raises(AttributeError, match="'Clent'"):
        _ = posewire.Clent


def test_the_version_is_the_packages() -> None:
    assert posewire.__version__ == version("posewire")
