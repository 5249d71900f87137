"""`bench wire`: a pose published in one process -> that pose in the hand of another, over a real socket.

Time runs from the stamp ``sent``, just before packing, to the reader's clock: both are `perf_counter`, one clock for
all processes of a machine. With ``subscribers`` above one, two publishers take turns in every round: one has the
measured subscriber alone, the other one has it among so many, of which ``stuck`` never read.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np

from posewire import __version__
from posewire.clock import clock_info, now_ns
from posewire.message import MetaContent, ModelMeta, Stamps
from posewire.pack import PosePacker
from posewire.publish import HIGH_WATER, Publisher
from posewire_bench.awake import cores_awake
from posewire_bench.crowd import Crowd
from posewire_bench.live import SERVICE_NS, STREAM, Nanoseconds, signal, wait_for
from posewire_bench.outcome import Occasion, comparison, figure
from posewire_bench.rounds import Plan, Series, order, settled
from posewire_bench.subscriber import LAST, PASSED_OVER, READERS, Subscriber
from posewire_models.errors import InputError, nearest

ANY_PORT = "tcp://127.0.0.1:*"
PLACES = ("first", "middle", "last")
_WARM_UP_S = 0.5
_FLOOD = 4 * HIGH_WATER  # messages that fill all queues of a stuck subscriber
_FLOOD_RATE = 4000.0
_MOST_RATE = 20_000.0


@dataclass(frozen=True)
class WireSettings:
    """``rate`` messages/s; ``subscribers`` in all, ``stuck`` of them; ``place``: whether the measured one connects
    first, in the middle or last (ZeroMQ serves subscribers one after the other); ``reader``: ``reader`` or ``client``;
    ``awake``: keep the cores from sleeping.
    """

    rate: float = 500.0
    subscribers: int = 1
    stuck: int = 0
    place: str = "first"
    animals: int = 1
    keypoints: int = 17
    reader: str = "reader"
    awake: bool = False
    endpoint: str = ANY_PORT


class Sender:
    """A bound publisher that sends a pose whenever it is due: it sleeps between them, and never spins."""

    def __init__(self, publisher: Publisher, settings: WireSettings) -> None:
        self.publisher = publisher
        self.frame = 0
        self.late: list[Nanoseconds] = []
        self._session = os.urandom(16)
        self._packer = PosePacker(self._session, STREAM)
        self._poses = np.random.default_rng(0).random((settings.animals, settings.keypoints, 3), np.float32)
        publisher.set_meta(_meta(self._session, settings.keypoints))

    def send(self, count: int, rate: float, frame: int | None = None) -> None:
        """``count`` messages at ``rate`` a second; with ``frame``, all of that number and none of them measured."""
        publisher, period = self.publisher, round(1e9 / rate)
        late = np.empty(count, np.int64)
        due, service_ns = now_ns() + period, 0
        stamps = Stamps(0, 0, 0, 0, 0, 0)
        for n in range(count):
            left = due - now_ns()
            if left > 0:
                time.sleep(left / 1e9)
            sent = now_ns()
            late[n] = sent - due
            number = self.frame if frame is None else frame
            stamps.grabbed = stamps.picked = stamps.prepared = stamps.inferred = stamps.decoded = stamps.sent = sent
            publisher.send_pose(self._packer.pack(publisher.messages, number, stamps, self._poses))
            now = now_ns()
            if now >= service_ns:
                publisher.service(now)
                service_ns = now + SERVICE_NS
            self.frame += frame is None
            due += period
        if frame is None:
            self.late.append(late)

    def end(self) -> None:
        """The message that ends the measured subscriber."""
        signal(self.publisher, self._session, LAST)


def bench_wire(settings: WireSettings, plan: Plan, *, say: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Measure it: ``plan.seconds`` of messages in all rounds together. Raises InputError, WorkError."""
    _check(settings)
    per_round = max(5, round(settings.rate * plan.seconds / plan.rounds))
    warm_up = max(20, round(settings.rate * _WARM_UP_S))
    crowded = settings.subscribers > 1
    notes: list[str] = []
    names = [_name(settings, 1), *([_name(settings, settings.subscribers)] if crowded else [])]
    with ExitStack() as stack:
        senders: dict[str, Sender] = {}
        listeners: dict[str, Subscriber] = {}
        crowd: list[Crowd] = []
        for name in names:
            publisher = stack.enter_context(Publisher(settings.endpoint, STREAM))
            sender = senders[name] = Sender(publisher, settings)
            before, after = (0, 0) if name == names[0] else _crowd_sizes(settings)
            connected = 0
            for part, stuck in ((before, 0), (None, 0), (after, settings.stuck if name != names[0] else 0)):
                if part is None:
                    listeners[name] = stack.enter_context(Subscriber(publisher.endpoint, settings.reader))
                    connected += 1
                elif part or stuck:
                    crowd.append(stack.enter_context(Crowd(publisher.endpoint, part, stuck)))
                    connected += part + stuck
                wait_for(publisher, connected)
        if settings.stuck:
            say("filling the queues of the stuck subscribers")
            senders[names[1]].send(_FLOOD, _FLOOD_RATE, PASSED_OVER)
        occasion = Occasion("wire", {"rounds": plan.rounds, "seconds": plan.seconds, **vars(settings)})
        awake = stack.enter_context(ExitStack())
        awake.enter_context(cores_awake(settings.awake))
        for name in names:
            senders[name].send(warm_up, settings.rate, PASSED_OVER)
        with settled():
            for number in range(plan.rounds):
                for name in order(names, number):
                    senders[name].send(per_round, settings.rate)
                say(f"round {number + 1} of {plan.rounds}")
        awake.close()
        for sender in senders.values():
            sender.end()
        heard = {name: listener.found() for name, listener in listeners.items()}
        others: dict[str, Any] | None = None
        if crowd:
            sent = senders[names[1]].publisher.messages
            counts = [part.found() for part in crowd]
            others = {key: [count for one in counts for count in one[key]] for key in ("reading", "stuck")}
            notes += _crowd_notes(others, sent)
            others["sent"] = sent
    facts = {key: getattr(settings, key) for key in ("rate", "animals", "keypoints")}
    taken = {name: {key: _rounds(found, key, per_round, plan.rounds, warm_up) for key in ("received", "in_hand")}
             for name, found in heard.items()}  # fmt: skip
    figures = [figure(f"in hand, {name}", parts["in_hand"], work=False, **facts) for name, parts in taken.items()]
    figures += [figure(f"- off the socket, {name}", parts["received"], work=False, **facts, part=True)
                for name, parts in taken.items()]  # fmt: skip
    figures += [figure(f"- sent late, {name}", Series([one / 1e6 for one in senders[name].late], warm_up),
                       work=False, **facts, part=True) for name in names]  # fmt: skip
    comparisons = []
    if crowded:
        comparisons = [comparison(f"{many['name']} to {one['name']}", many, one)
                       for one, many in zip(figures[0:4:2], figures[1:4:2], strict=True)]  # fmt: skip
    notes += [f"{found['lost']} messages lost, {name}" for name, found in heard.items() if found["lost"]]
    return occasion.report(figures, comparisons, notes, **({"others": others} if others else {}))


def _check(settings: WireSettings) -> None:
    if not 1 <= settings.rate <= _MOST_RATE:
        raise InputError(f"--rate {settings.rate:g}: expected 1 to {_MOST_RATE:g} messages/s")
    if not 1 <= settings.subscribers <= 500:
        raise InputError(f"--subscribers {settings.subscribers}: expected 1 to 500, the measured one among them")
    if not 0 <= settings.stuck < settings.subscribers:
        raise InputError(f"--stuck {settings.stuck}: expected 0 to {settings.subscribers - 1}: the measured one reads")
    if not (1 <= settings.animals <= 1000 and 1 <= settings.keypoints <= 1000):
        raise InputError("--animals and --keypoints: expected 1 to 1000 each")
    if settings.place not in PLACES:
        raise InputError(f"--place {settings.place}: expected {', '.join(PLACES)}{nearest(settings.place, PLACES)}")
    if settings.reader not in READERS:
        raise InputError(
            f"--reader {settings.reader}: expected {' or '.join(READERS)}{nearest(settings.reader, READERS)}"
        )


def _crowd_sizes(settings: WireSettings) -> tuple[int, int]:
    """How many of the others that read connect before the measured one, and after it."""
    reading = settings.subscribers - 1 - settings.stuck
    before = {"first": 0, "middle": reading // 2, "last": reading}[settings.place]
    return before, reading - before


def _name(settings: WireSettings, subscribers: int) -> str:
    among = "" if subscribers == 1 else f", {settings.stuck} stuck, the measured one {settings.place}"
    how = f"{settings.rate:g}/s, {settings.reader}{', cores awake' * settings.awake}"
    return f"{subscribers} subscriber{'s' * (subscribers > 1)}{among}, {how}"


def _rounds(found: dict[str, Any], key: str, per_round: int, rounds: int, warm_up: int) -> Series:
    """The durations to ``key`` of the messages that came, by the round that they were sent in."""
    frames = np.asarray(found["frame"], np.int64)
    taken = (np.asarray(found[key], np.float64) - np.asarray(found["sent"], np.float64)) / 1e6
    parts = [taken[frames // per_round == number] for number in range(rounds)]
    return Series([part for part in parts if len(part)], warm_up)


def _crowd_notes(others: dict[str, list[int]], sent: int) -> list[str]:
    notes = []
    if others["reading"]:
        lost = sum(sent - count for count in others["reading"])
        notes.append(
            f"The {len(others['reading'])} other subscribers that read got all but {lost} of {sent} messages each."
        )
    for count in others["stuck"]:
        notes.append(f"A stuck subscriber that reads in the end gets {count} of {sent} messages; it lost the others.")
    return notes


def _meta(session: bytes, keypoints: int) -> MetaContent:
    return MetaContent(
        session=session,
        stream=STREAM,
        keypoints=tuple(f"keypoint {k}" for k in range(keypoints)),
        skeleton=(),
        size=(640, 480),
        model=ModelMeta("none", "", "cpu", 0.1),
        clock=clock_info(),
        source="bench",
        config_sha256="",
        posewire=__version__,
    )
