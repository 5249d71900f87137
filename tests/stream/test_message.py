"""Wire format 1, byte for byte, and what a reader refuses."""

from __future__ import annotations

import struct
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posewire.clock import ClockInfo
from posewire.message import (
    EXPOSED_FROM,
    MetaContent,
    ModelMeta,
    PoseContent,
    Stamps,
    check_stream,
    meta_topic,
    pack_meta,
    pack_pose,
    pose_topic,
)
from posewire.messagemap import MessageError
from posewire.unpack import _at_once, _key_by_key, unpack, unpack_meta, unpack_pose
from posewire_models.errors import InputError

SESSION = bytes(range(16))
META = MetaContent(
    session=SESSION,
    stream="main",
    keypoints=("snout", "tail"),
    skeleton=((0, 1),),
    size=(640, 480),
    model=ModelMeta("m", "ab", "CPUExecutionProvider", 0.5),
    clock=ClockInfo("perf_counter_ns", 7, "here", "boot"),
    source="synthetic",
    config_sha256="cd",
    posewire="0.1.0",
)


def pose(**changes: Any) -> PoseContent:
    content = {
        "session": SESSION,
        "stream": "main",
        "seq": 3,
        "frame": 5,
        "stamps": Stamps(1, 2, 3, 4, 5, 6),
        "poses": np.array([[[1.5, -2.0, 0.25]]], np.float32),
    }
    return PoseContent(**{**content, **changes})


def packed(**changes: Any) -> bytes:
    """A pose message as another program may send it, with keys changed, or left out where None."""
    content = {**msgpack.unpackb(pack_pose(pose())), **changes}
    return msgpack.packb({key: value for key, value in content.items() if value is not None})


def test_a_pose_message_is_these_very_bytes() -> None:
    expected = (
        b"\x8a"  # a map of 10 keys
        b"\xa1v\x01"
        b"\xa7session\xc4\x10" + SESSION + b"\xa6stream\xa4main"
        b"\xa3seq\x03"
        b"\xa5frame\x05"
        b"\xa6stamps\x89"
        b"\xa7grabbed\x01\xa6picked\x02\xa8prepared\x03\xa8inferred\x04\xa7decoded\x05\xa4sent\x06"
        b"\xa7exposed\xc0\xabexposed_err\xc0\xacexposed_from\xa7unknown"
        b"\xa5shape\x93\x01\x01\x03"
        b"\xa5poses\xc4\x0c\x00\x00\xc0\x3f\x00\x00\x00\xc0\x00\x00\x80\x3e"
        b"\xa3ids\x91\xff"
        b"\xa9id_scores\x91\xcb" + bytes(8)
    )
    assert pack_pose(pose()) == expected


def test_a_meta_message_is_a_map_of_these_keys() -> None:
    assert msgpack.unpackb(pack_meta(META)) == {
        "v": 1,
        "session": SESSION,
        "stream": "main",
        "keypoints": ["snout", "tail"],
        "skeleton": [[0, 1]],
        "size": [640, 480],
        "model": {"name": "m", "sha256": "ab", "provider": "CPUExecutionProvider", "min_score": 0.5},
        "clock": {"name": "perf_counter_ns", "wall_minus_clock_ns": 7, "host": "here", "boot": "boot"},
        "source": "synthetic",
        "config_sha256": "cd",
        "posewire": "0.1.0",
    }


def test_topics_are_ascii_with_the_stream_at_the_end() -> None:
    assert (pose_topic("main"), meta_topic("arena-2.left_B")) == (b"pose/main", b"meta/arena-2.left_B")


@pytest.mark.parametrize("name", ["", "a/b", "a b", "ä", "a\n", "x" * 101])
def test_a_stream_name_that_no_topic_can_carry_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="1 to 100 letters, digits"):
        check_stream(name)


int64 = st.integers(-(2**63), 2**63 - 1)
finite = st.floats(allow_nan=False)


@st.composite
def contents(draw: st.DrawFn) -> PoseContent:
    animals, keypoints = draw(st.integers(0, 4)), draw(st.integers(0, 5))
    raw = draw(st.binary(min_size=animals * keypoints * 12, max_size=animals * keypoints * 12))
    exposed = draw(st.none() | int64)
    return PoseContent(
        session=draw(st.binary(min_size=16, max_size=16)),
        stream=draw(st.text("abcXYZ019-_.", min_size=1, max_size=20)),
        seq=draw(st.integers(0, 2**63 - 1)),
        frame=draw(st.integers(0, 2**63 - 1)),
        stamps=Stamps(*draw(st.tuples(*[int64] * 6)), exposed, draw(int64), draw(st.sampled_from(EXPOSED_FROM))),
        poses=np.frombuffer(raw, np.float32).reshape(animals, keypoints, 3),
        ids=draw(st.lists(st.integers(-1, 2**31), min_size=animals, max_size=animals)),
        id_scores=draw(st.lists(finite, min_size=animals, max_size=animals)),
    )


@given(contents())
def test_what_goes_in_comes_out(content: PoseContent) -> None:
    """Every field survives the wire, the floats with each bit (NaN payloads too)."""
    back = unpack_pose(pack_pose(content))
    assert back.poses.tobytes() == content.poses.tobytes()
    assert back.poses.shape == content.poses.shape
    assert back.poses.dtype == np.float32
    for name in ("session", "stream", "seq", "frame", "stamps", "ids", "id_scores"):
        assert getattr(back, name) == getattr(content, name)


def test_meta_comes_back_equal() -> None:
    assert unpack_meta(pack_meta(META)) == META


def test_poses_are_sent_in_c_order_and_little_endian_whatever_the_array_is() -> None:
    points = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    odd = np.asfortranarray(points.astype(">f4"))
    assert msgpack.unpackb(pack_pose(pose(poses=odd)))["poses"] == struct.pack("<12f", *range(12))


def test_ids_may_be_arrays() -> None:
    content = pose(ids=np.array([4]), id_scores=np.array([0.5], np.float32))
    back = unpack_pose(pack_pose(content))
    assert (back.ids, back.id_scores) == ([4], [0.5])


def test_received_poses_may_be_written_to() -> None:
    back = unpack_pose(pack_pose(pose()))
    back.poses[0, 0] = 9.0
    assert back.poses.tolist() == [[[9.0, 9.0, 9.0]]]


@pytest.mark.parametrize(
    "changes",
    [
        {"poses": np.zeros((4, 3), np.float32)},
        {"poses": np.zeros((1, 4, 2), np.float32)},
        {"ids": [1, 2]},
        {"id_scores": []},
        {"predicted": np.zeros((1, 2, 3), np.float32), "lead_ns": 5},
        {"predicted": np.zeros((1, 1, 3), np.float32)},
        {"lead_ns": 5},
    ],
)
def test_a_content_that_contradicts_itself_is_not_packed(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"animals|predicted must have the shape of the poses"):
        pack_pose(pose(**changes))


def test_stamps_are_a_mapping_too() -> None:
    stamps = Stamps(1, 2, 3, 4, 5, 6)
    assert dict(stamps) == {
        "grabbed": 1,
        "picked": 2,
        "prepared": 3,
        "inferred": 4,
        "decoded": 5,
        "sent": 6,
        "exposed": None,
        "exposed_err": None,
        "exposed_from": "unknown",
    }
    assert "posted" not in stamps


@pytest.mark.parametrize("animals", [0, 1, 3])
@pytest.mark.parametrize("exposed", [{}, {"exposed": -5, "exposed_err": 7, "exposed_from": "camera"}])
def test_a_good_message_is_read_at_once_as_it_is_read_key_by_key(animals: int, exposed: dict[str, Any]) -> None:
    poses = np.arange(animals * 12, dtype=np.float32).reshape(animals, 4, 3)
    sent = pose(poses=poses, stamps=Stamps(1, 2, 3, 4, 5, 6, **exposed), ids=range(animals), id_scores=[0.5] * animals)
    content = msgpack.unpackb(pack_pose(sent))
    one, other = _at_once(content), _key_by_key(content)
    assert one is not None
    np.testing.assert_array_equal(one.poses, other.poses)
    assert one.poses.dtype == np.float32
    one.poses[:] = 0  # its own
    for name in ("session", "stream", "seq", "frame", "stamps", "ids", "id_scores"):
        assert getattr(one, name) == getattr(other, name), name


def test_a_prediction_comes_out_as_it_went_in_and_is_absent_otherwise() -> None:
    ahead = np.array([[[2.5, np.nan, 0.75]]], np.float32)
    content = msgpack.unpackb(pack_pose(pose(predicted=ahead, lead_ns=20_000_000)))
    for read in (_at_once, _key_by_key):
        found = read(content)
        assert found is not None
        assert found.predicted is not None
        np.testing.assert_array_equal(found.predicted, ahead)
        assert found.lead_ns == 20_000_000
        found.predicted[:] = 0
        without = read(msgpack.unpackb(pack_pose(pose())))
        assert without is not None
        assert (without.predicted, without.lead_ns) == (None, None)


def test_keys_of_a_later_version_are_ignored() -> None:
    stamps = {**Stamps(1, 2, 3, 4, 5, 6), "thought": 5}
    assert unpack_pose(packed(mood="curious", **{"7": [{}]}, stamps=stamps)).seq == 3
    odd_keys = {**msgpack.unpackb(packed()), 12: "a number as a key"}
    assert unpack_pose(msgpack.packb(odd_keys)).seq == 3


def test_a_publisher_without_identities_is_understood() -> None:
    back = unpack_pose(packed(ids=None, id_scores=None))
    assert (back.ids, back.id_scores) == ([-1], [0.0])


def test_another_version_is_refused_with_both_numbers() -> None:
    with pytest.raises(MessageError, match=r"reads version 1, the publisher sends 2"):
        unpack_pose(packed(v=2))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seq": None}, "'seq' to hold int, it is missing"),
        ({"seq": "3"}, "'seq' to hold int, found str"),
        ({"session": b"short"}, "'session' to hold 16 bytes, found 5"),
        ({"shape": [1, 2, 3]}, "12 bytes of poses do not fit the shape"),
        ({"shape": [1, 3]}, "do not fit the shape"),
        ({"shape": [-1, -1, 3]}, "do not fit the shape"),
        ({"shape": [1, 1, 3.0]}, "'shape' to hold whole numbers"),
        ({"stamps": {"grabbed": 1}}, "stamps: expected the key 'picked'"),
        ({"ids": [1, 2]}, "2 ids and 1 id_scores for 1 animals"),
        ({"id_scores": ["much"]}, "'id_scores' to hold numbers"),
        ({"stamps": {**Stamps(1, 2, 3, 4, 5, 6), "exposed": "now"}}, "'exposed' to hold int or nil, found str"),
        ({"id_scores": 4}, "'id_scores' to hold list"),
        ({"predicted": bytes(12)}, "'lead_ns' to hold int, it is missing"),
        ({"lead_ns": 5}, "'predicted' to hold bytes, it is missing"),
        ({"predicted": bytes(8), "lead_ns": 5}, "8 bytes of predicted do not fit the shape"),
        ({"predicted": [1.0], "lead_ns": 5}, "'predicted' to hold bytes, found list"),
    ],
)
def test_a_broken_pose_message_is_refused_with_its_key(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(MessageError, match=message):
        unpack_pose(packed(**changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": [640]}, "size"),
        ({"keypoints": [1]}, "'keypoints' to hold names"),
        ({"skeleton": [[0, 1, 2]]}, "skeleton"),
        ({"skeleton": [["a", "b"]]}, "skeleton"),
        ({"clock": {}}, "clock: expected the key 'name'"),
        ({"model": 3}, "'model' to hold dict, found int"),
    ],
)
def test_a_broken_meta_message_is_refused_with_its_key(changes: dict[str, Any], message: str) -> None:
    payload = msgpack.packb({**msgpack.unpackb(pack_meta(META)), **changes})
    with pytest.raises(MessageError, match=message):
        unpack_meta(payload)


@pytest.mark.parametrize("payload", [b"", b"\xc1", b"\x81\xa1v", b"\x01", b"\x81\xa1w\x01", b"\x81\xa1v\xa1\xff"])
def test_bytes_of_another_program_are_refused(payload: bytes) -> None:
    with pytest.raises(MessageError, match="is this a Posewire stream"):
        unpack_pose(payload)


@given(st.binary(max_size=200))
def test_no_bytes_make_a_reader_raise_anything_else(payload: bytes) -> None:
    with pytest.raises(MessageError):
        unpack_pose(payload)


@given(st.dictionaries(st.sampled_from(sorted(msgpack.unpackb(pack_meta(META)))), st.none() | st.lists(int64) | finite))
def test_no_wrong_types_make_a_reader_raise_anything_else(changes: dict[str, Any]) -> None:
    payload = msgpack.packb({**msgpack.unpackb(pack_meta(META)), **changes})
    try:
        found = unpack_meta(payload)
    except MessageError:
        return
    assert unpack_meta(pack_meta(found)) == found


def test_unpack_goes_by_the_topic() -> None:
    assert unpack(b"pose/main", pack_pose(pose())).__class__ is PoseContent
    assert unpack(b"meta/main", pack_meta(META)) == META
    assert unpack(b"event/main", b"whatever") is None
