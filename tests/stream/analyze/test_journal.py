"""The journal: what was added comes back, and a cut or a wrong byte costs the blocks from there on, no other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posewire.analyze.journal import Block, Journal, look_into, read_blocks

KEY = {"model": "m", "batch": 2}
KEYPOINTS = 3


def make_block(first, frames, seed, state=b""):
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 4, frames).astype(np.int32)
    total = int(counts.sum())
    poses = rng.random((total, KEYPOINTS, 3)).astype(np.float32)
    poses[rng.random(poses.shape) < 0.1] = np.nan
    ids = rng.integers(-1, 5, total).astype(np.int32)
    return Block(
        first, rng.random(frames) + first, counts, poses, ids, rng.random(total).astype(np.float32), seed, state
    )


def write(path, sizes, end=None):
    """Returns the blocks, and where in the file each record ends."""
    journal = Journal(path, KEY)
    ends, blocks, first = [path.stat().st_size], [], 0
    for seed, frames in enumerate(sizes):
        blocks.append(make_block(first, frames, seed, b"state" * seed))
        journal.add(blocks[-1])
        ends.append(path.stat().st_size)
        first += frames
    if end is not None:
        journal.end(end)
    journal.close()
    return blocks, ends


def assert_same(a, b):
    for name, value in vars(a).items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, getattr(b, name), err_msg=name)
        else:
            assert value == getattr(b, name), name


def test_what_was_added_comes_back(tmp_path):
    path = tmp_path / "journal"
    blocks, _ = write(path, [4, 1, 7], {"decoded": 12})
    for mine, theirs in zip(blocks, read_blocks(path, KEYPOINTS), strict=True):
        assert_same(mine, theirs)
        assert [number for number, _, _ in theirs.frames()] == list(range(mine.first, mine.first + len(mine)))
        places = [place for _, _, place in theirs.frames()]
        np.testing.assert_array_equal(np.concatenate([theirs.ids[place] for place in places]), mine.ids)
    found = look_into(path, KEYPOINTS)
    assert (found.key, found.frames, found.end, found.lost) == (KEY, 12, {"decoded": 12}, 0)
    assert (found.last_s, found.guessed, found.state) == (blocks[2].times[-1], 2, b"statestate")
    assert found.most == max(block.ids.max(initial=-1) for block in blocks) + 1


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_end_costs_no_whole_block_before_it(tmp_path, data):
    path = tmp_path / "journal"
    blocks, ends = write(path, [3, 2, 4])
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[place] ^= data.draw(st.integers(1, 255))
    else:
        del content[place:]
    path.write_bytes(content)
    found = look_into(path, KEYPOINTS)
    whole = sum(end <= place for end in ends)  # records, the key among them
    if whole == 0:
        assert found is None
        return
    assert found.frames == sum(map(len, blocks[: whole - 1]))
    # Going on from there gives the file that would have been.
    journal = Journal(path, KEY, found)
    for block in blocks[whole - 1 :]:
        journal.add(block)
    journal.close()
    for mine, theirs in zip(blocks, read_blocks(path, KEYPOINTS), strict=True):
        assert_same(mine, theirs)


def test_a_file_that_is_no_journal_counts_as_none(tmp_path):
    assert look_into(tmp_path / "none", KEYPOINTS) is None
    (tmp_path / "text").write_bytes(b"PWj1 but no record at all")
    assert look_into(tmp_path / "text", KEYPOINTS) is None


def test_a_full_disk_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        Journal(tmp_path / "nowhere" / "journal", KEY)
