"""The publisher on real sockets: what it binds, whom it counts, when it sends meta, and that nobody stops it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import msgpack
import psutil
import pytest
import zmq

from posewire.publish import Publisher
from posewire.reader import Pose, Reader
from posewire_models.errors import InputError
from wiring import ANY_PORT, meta, payload, wait_for_subscriptions, wait_until

Connect = Callable[..., "zmq.Socket[bytes]"]
SECOND = 1_000_000_000


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher(ANY_PORT, "main") as publisher:
        yield publisher


@pytest.fixture
def connect(publisher: Publisher) -> Iterator[Connect]:
    """Makes sockets that are connected to the publisher and subscribed to the given prefixes."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    sockets = []  # a socket that nobody holds is closed

    def make(*prefixes: bytes, kind: int = zmq.SUB) -> zmq.Socket[bytes]:
        socket = context.socket(kind)
        sockets.append(socket)
        socket.set(zmq.RCVTIMEO, 20_000)
        socket.connect(publisher.endpoint)
        for prefix in prefixes:
            socket.subscribe(prefix)
        return socket

    yield make
    context.destroy(linger=0)


# --- what is bound


def test_the_system_may_choose_the_port(publisher: Publisher) -> None:
    host, port = publisher.endpoint.rsplit(":", 1)
    assert host == "tcp://127.0.0.1"
    assert int(port) > 0


def test_a_port_in_use_is_named_with_a_way_out(publisher: Publisher) -> None:
    port = int(publisher.endpoint.rsplit(":", 1)[1])
    with pytest.raises(InputError) as caught:
        Publisher(publisher.endpoint, "main").bind()
    assert publisher.endpoint in str(caught.value)
    assert "in use" in str(caught.value)
    assert f"--publish tcp://127.0.0.1:{port + 1}" in str(caught.value)


@pytest.mark.parametrize(
    "endpoint",
    ["tcp://*:5555", "tcp://0.0.0.0:5555", "tcp://192.168.1.5:5555", "tcp://[::]:5555", "tcp://eth0:5555"],
)
def test_a_bind_beyond_loopback_is_refused(endpoint: str) -> None:
    with pytest.raises(InputError, match="--insecure"):
        Publisher(endpoint, "main")
    assert Publisher(endpoint, "main", insecure=True).endpoint == endpoint


def test_insecure_binds_beyond_loopback() -> None:
    with Publisher("tcp://0.0.0.0:*", "main", insecure=True) as publisher:
        assert publisher.endpoint.startswith("tcp://0.0.0.0:")


def test_localhost_is_the_loopback_address() -> None:
    with Publisher("tcp://localhost:*", "main") as publisher:
        assert publisher.endpoint.startswith("tcp://127.0.0.1:")


@pytest.mark.parametrize("endpoint", ["ipc:///run/pose", "inproc://pose", "tcp://127.0.0.2:1", "tcp://[::1]:5555"])
def test_these_endpoints_are_local(endpoint: str) -> None:
    assert Publisher(endpoint, "main").endpoint == endpoint


@pytest.mark.parametrize(
    "endpoint", ["5555", "udp://127.0.0.1:5555", "tcp://127.0.0.1", "tcp://127.0.0.1:70000", "ipc://"]
)
def test_what_is_no_endpoint_is_refused_with_an_example(endpoint: str) -> None:
    with pytest.raises(InputError, match="expected tcp://HOST:PORT"):
        Publisher(endpoint, "main", insecure=True)


def test_an_address_of_another_machine_cannot_be_bound() -> None:
    # 192.0.2.0/24 is reserved for documentation: no machine has it.
    with pytest.raises(InputError, match="expected an address of this machine"):
        Publisher("tcp://192.0.2.1:5555", "main", insecure=True).bind()


def test_a_bad_stream_name_is_refused() -> None:
    with pytest.raises(InputError, match="stream 'a/b'"):
        Publisher(ANY_PORT, "a/b")


# --- who is counted


@pytest.mark.parametrize(
    ("prefixes", "n"),
    [
        ([b""], 1),
        ([b"pose"], 1),
        ([b"pose/main"], 1),
        ([b"pose/mainland"], 0),
        ([b"meta/main"], 0),
        ([b"", b"pose/"], 2),
    ],
)
def test_subscriptions_that_match_a_pose_message_count(
    publisher: Publisher, connect: Connect, prefixes: list[bytes], n: int
) -> None:
    connect(*prefixes)
    connect(b"pose/main")
    wait_for_subscriptions(publisher, n + 1)


def test_equal_subscriptions_of_two_readers_count_twice_and_end_one_by_one(
    publisher: Publisher, connect: Connect
) -> None:
    first, second = connect(b"pose/main"), connect(b"pose/main")
    wait_for_subscriptions(publisher, 2)
    first.unsubscribe(b"pose/main")
    wait_for_subscriptions(publisher, 1)
    second.close(linger=0)
    wait_for_subscriptions(publisher, 0)


def test_a_disconnect_takes_all_its_subscriptions_away(publisher: Publisher, connect: Connect) -> None:
    gone = connect(b"", b"pose/main", b"meta/main")
    connect(b"pose/main")
    wait_for_subscriptions(publisher, 3)
    gone.close(linger=0)
    wait_for_subscriptions(publisher, 1)


def test_messages_of_subscribers_are_no_subscriptions(publisher: Publisher, connect: Connect) -> None:
    chatty = connect(kind=zmq.XSUB)
    chatty.send(b"hello")
    chatty.send_multipart([b"two", b"\x01pose/main"])
    chatty.send(b"\x01pose/main")
    wait_for_subscriptions(publisher, 1)


# --- what is sent


def topics_until_pose(publisher: Publisher, socket: zmq.Socket[bytes]) -> list[bytes]:
    """The topics that were sent so far and not read yet; a pose marks the end."""
    publisher.send_pose(payload(publisher.messages))
    topics: list[bytes] = []
    while not topics or topics[-1] != b"pose/main":
        topics.append(socket.recv_multipart()[0])
    return topics[:-1]


def test_poses_arrive_in_order_and_are_counted(publisher: Publisher, connect: Connect) -> None:
    socket = connect(b"")
    wait_for_subscriptions(publisher, 1)
    for seq in range(3):
        assert publisher.messages == seq
        publisher.send_pose(payload(seq))
    received = [socket.recv_multipart() for _ in range(3)]
    assert received == [[b"pose/main", payload(seq)] for seq in range(3)]


def test_meta_comes_at_the_start_then_once_a_second(publisher: Publisher, connect: Connect) -> None:
    socket = connect(b"")
    wait_for_subscriptions(publisher, 1)
    publisher.set_meta(meta())
    begin = 77 * SECOND
    publisher.service(begin)
    assert topics_until_pose(publisher, socket) == [b"meta/main"]
    publisher.service(begin + SECOND - 1)
    assert topics_until_pose(publisher, socket) == []
    # No pose in between: a source that stalls does not silence it.
    for late in range(1, 4):
        publisher.service(begin + late * SECOND)
    assert topics_until_pose(publisher, socket) == [b"meta/main"] * 3


def test_new_subscriptions_to_meta_get_it_at_once_but_ten_times_a_second_at_most(
    publisher: Publisher, connect: Connect
) -> None:
    everything = connect(b"pose/")
    wait_for_subscriptions(publisher, 1)
    publisher.set_meta(meta())
    begin = 77 * SECOND
    publisher.service(begin)
    everything.subscribe(b"meta/main")
    wait_until(lambda: everything.poll(1) != 0, meanwhile=lambda: publisher.service(begin + 1))
    assert topics_until_pose(publisher, everything) == [b"meta/main"]

    # Poses only: nothing is due for them.
    connect(b"pose/main")
    wait_until(lambda: publisher.subscriptions == 2, meanwhile=lambda: publisher.service(begin + 2))
    assert topics_until_pose(publisher, everything) == []

    # Each subscriber after the first is seen alone, all within one second.
    for n in range(12):
        connect(b"meta/main", b"pose/main")
        wait_until(lambda n=n: publisher.subscriptions == 3 + n, meanwhile=lambda n=n: publisher.service(begin + 3 + n))
    assert topics_until_pose(publisher, everything) == [b"meta/main"] * 8
    publisher.service(begin + SECOND - 1)
    assert topics_until_pose(publisher, everything) == []
    publisher.service(begin + SECOND)
    assert topics_until_pose(publisher, everything) == [b"meta/main"]


def test_a_changed_meta_is_sent_without_waiting_for_the_second(publisher: Publisher, connect: Connect) -> None:
    socket = connect(b"meta/main")
    wait_until(lambda: bool(publisher._subscribed), meanwhile=lambda: publisher.service(1))
    publisher.set_meta(meta())
    publisher.service(2)
    publisher.set_meta(meta(size=(320, 240)))
    publisher.service(3)
    sizes = [msgpack.unpackb(socket.recv_multipart()[1])["size"] for _ in range(2)]
    assert sizes == [[640, 480], [320, 240]]


def test_the_meta_of_another_stream_is_a_mistake(publisher: Publisher) -> None:
    with pytest.raises(ValueError, match="'other'"):
        publisher.set_meta(meta("other"))


# --- that nobody stops it

STUCK = """
import os, sys, zmq
context = zmq.Context()
sockets = []
for _ in range(5):
    socket = context.socket(zmq.SUB)
    socket.subscribe(b"")
    socket.connect(sys.argv[1])
    sockets.append(socket)
sys.stdin.read()
os._exit(0)
"""


def test_five_subscribers_that_never_read_cost_neither_memory_nor_messages_of_others() -> None:
    """20,000 messages: an unbounded queue would take 20 MB; the reader beside the five misses none."""
    publisher = Publisher(ANY_PORT, "main")
    publisher.bind()
    with (
        Reader(publisher.endpoint, "main") as reader,
        subprocess.Popen([sys.executable, "-c", STUCK, publisher.endpoint], stdin=subprocess.PIPE) as stuck,
    ):
        wait_for_subscriptions(publisher, 6)
        message = payload(0)
        memory = psutil.Process()
        before = memory.memory_info().rss
        for _ in range(200):
            for _ in range(100):
                publisher.send_pose(message)
            for _ in range(100):
                assert isinstance(reader.receive(20_000), Pose)
        assert memory.memory_info().rss - before < 8e6
        assert publisher.subscriptions == 6
        # The stop is not held up by the five, and the last message still leaves.
        publisher.send_pose(payload(1))
        publisher.close()
        last = reader.receive(20_000)
        assert isinstance(last, Pose)
        assert last.seq == 1
        stuck.communicate()


def test_close_may_be_called_twice_and_frees_the_port(publisher: Publisher) -> None:
    publisher.close()
    publisher.close()
    with Publisher(publisher.endpoint, "main") as again:
        assert again.endpoint == publisher.endpoint


def test_inproc_works_within_one_context() -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with (
        Publisher("inproc://poses", "main", context=context) as publisher,
        Reader("inproc://poses", "main", context=context) as reader,
    ):
        wait_for_subscriptions(publisher, 1)
        publisher.send_pose(payload(7))
        pose = reader.receive(20_000)
        assert isinstance(pose, Pose)
        assert pose.seq == 7
    context.term()
