"""The template of a pose message says what the general packer says, whatever the numbers."""

from __future__ import annotations

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posewire.message import PoseContent, Stamps, pack_pose
from posewire.messagemap import MessageError
from posewire.pack import PosePacker
from posewire.unpack import PoseUnpacker, unpack_pose
from posewire_models.errors import InputError

SESSION = bytes(range(16))
nanoseconds = st.integers(-(2**63), 2**63 - 1)
stamps = st.builds(
    Stamps,
    *[nanoseconds] * 6,
    exposed=st.none() | nanoseconds,
    exposed_err=st.none() | st.integers(0, 10**9),
    exposed_from=st.sampled_from(["camera", "trigger", "estimated", "unknown"]),
)


@st.composite
def messages(draw):
    animals, keypoints = draw(st.integers(0, 20)), draw(st.integers(1, 5))
    values = draw(st.lists(st.floats(width=32), min_size=animals * keypoints * 3, max_size=animals * keypoints * 3))
    poses = np.array(values, np.float32).reshape(animals, keypoints, 3)
    ids = scores = None
    if draw(st.booleans()):
        ids = np.array(draw(st.lists(st.integers(-1, 2**40), min_size=animals, max_size=animals)), np.int64)
        scores = np.array(draw(st.lists(st.floats(0, 1, width=32), min_size=animals, max_size=animals)), np.float32)
    counts = draw(st.integers(0, 2**33)), draw(st.integers(0, 2**33))
    content = PoseContent(SESSION, "main", *counts, draw(stamps), poses, ids, scores)
    if draw(st.booleans()):
        content.predicted, content.lead_ns = poses[::-1] + np.float32(1), draw(nanoseconds)
    return content


def numbers(content):
    """What a packer is given."""
    given = content.seq, content.frame, content.stamps, content.poses, content.ids, content.id_scores
    return given if content.predicted is None else (*given, content.predicted, content.lead_ns)


def plain(payload):
    """A message unpacked, NaN made comparable: the poses stay bytes."""
    return msgpack.unpackb(bytes(payload))


@given(st.lists(messages(), min_size=1, max_size=4))
def test_messages_of_one_packer_are_those_of_the_general_one(contents):
    packer = PosePacker(SESSION, "main")
    for content in contents:
        packed = packer.pack(*numbers(content))
        expected = plain(pack_pose(content))
        assert plain(packed) == expected
        assert list(plain(packed)) == list(expected)


def test_a_reader_gets_what_was_packed():
    poses = np.arange(24, dtype=np.float32).reshape(2, 4, 3)
    ids, scores = np.array([7, -1]), np.array([0.5, 0.25], np.float32)
    back = unpack_pose(bytes(PosePacker(SESSION, "b").pack(3, 9, Stamps(1, 2, 3, 4, 5, 6), poses, ids, scores)))
    assert (back.seq, back.frame, back.stream, back.ids, back.id_scores) == (3, 9, "b", [7, -1], [0.5, 0.25])
    np.testing.assert_array_equal(back.poses, poses)


def test_a_message_takes_no_new_memory():
    packer = PosePacker(SESSION, "main")
    poses = np.zeros((1, 4, 3), np.float32)
    first = packer.pack(0, 0, Stamps(1, 2, 3, 4, 5, 6), poses)
    assert packer.pack(1, 1, Stamps(7, 8, 9, 10, 11, 12), poses) is first


def test_a_prediction_is_written_into_the_same_buffer_and_leaves_other_messages_alone():
    packer = PosePacker(SESSION, "main")
    poses, stamps = np.zeros((1, 4, 3), np.float32), Stamps(1, 2, 3, 4, 5, 6)
    without = bytes(packer.pack(0, 0, stamps, poses))
    first = packer.pack(1, 1, stamps, poses, None, None, poses, 5)
    assert packer.pack(2, 2, stamps, poses, None, None, poses + 1, 6) is first
    assert plain(first)["lead_ns"] == 6
    assert list(plain(first))[-2:] == ["predicted", "lead_ns"]
    assert bytes(packer.pack(0, 0, stamps, poses)) == without
    assert list(plain(without)) == list(plain(first))[:-2]


@pytest.mark.parametrize("predicted", [np.zeros((1, 3, 3), np.float32), np.zeros((1, 4, 3))])
def test_a_prediction_unlike_the_poses_is_refused(predicted):
    with pytest.raises(ValueError, match="like the poses"):
        PosePacker(SESSION, "main").pack(
            0, 0, Stamps(1, 2, 3, 4, 5, 6), np.zeros((1, 4, 3), np.float32), None, None, predicted, 5
        )


@pytest.mark.parametrize("poses", [np.zeros((4, 3), np.float32), np.zeros((1, 4, 2), np.float32)])
def test_poses_of_another_shape_are_refused(poses):
    with pytest.raises(ValueError, match=r"animals, keypoints, 3"):
        PosePacker(SESSION, "main").pack(0, 0, Stamps(1, 2, 3, 4, 5, 6), poses)


def test_an_id_for_each_animal_is_needed():
    with pytest.raises(ValueError, match="1 ids and 2 id_scores for 2 animals"):
        PosePacker(SESSION, "main").pack(
            0, 0, Stamps(1, 2, 3, 4, 5, 6), np.zeros((2, 4, 3), np.float32), np.array([1]), np.zeros(2, np.float32)
        )


def test_a_bad_stream_name_is_refused():
    with pytest.raises(InputError, match="stream"):
        PosePacker(SESSION, "a b")


@given(st.lists(messages(), min_size=1, max_size=3), st.integers(1, 3))
def test_a_reader_that_has_learned_the_layout_reads_what_any_reader_reads(contents, times):
    """Ours by their layout, others' and changed ones by their keys, in any order."""
    packer, unpacker = PosePacker(SESSION, "main"), PoseUnpacker()
    for content in contents * times:
        for payload in (bytes(packer.pack(*numbers(content))), pack_pose(content)):
            found, expected = unpacker.unpack(payload), unpack_pose(payload)
            assert found.poses.tobytes() == expected.poses.tobytes()
            assert found.poses.shape == expected.poses.shape
            assert (found.predicted is None) == (expected.predicted is None) == (content.predicted is None)
            if found.predicted is not None and content.predicted is not None:
                assert found.predicted.tobytes() == expected.predicted.tobytes() == content.predicted.tobytes()
            for name in ("session", "stream", "seq", "frame", "stamps", "ids", "id_scores", "lead_ns"):
                assert getattr(found, name) == getattr(expected, name), name


def test_another_session_and_broken_bytes_of_a_learned_length_are_met():
    poses = np.ones((1, 2, 3), np.float32)
    first = bytes(PosePacker(SESSION, "main").pack(5, 6, Stamps(1, 2, 3, 4, 5, 6), poses))
    other = bytes(PosePacker(bytes(16), "main").pack(7, 8, Stamps(1, 2, 3, 4, 5, 6), poses))
    unpacker = PoseUnpacker()
    assert [unpacker.unpack(payload).seq for payload in (first, first, other, other, first)] == [5, 5, 7, 7, 5]
    with pytest.raises(MessageError):
        unpacker.unpack(first[:40] + b"\xc1" + first[41:])
    assert unpacker.unpack(first).poses.flags.writeable
