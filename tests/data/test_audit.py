from dataclasses import replace

import numpy as np
import pytest

from sightcheck.data import audit as module
from sightcheck.data.audit import audit, fingerprint, grouped_auc, length, logistic, metadata, near_copies
from sightcheck.data.manifest import Item
from sightcheck.data.split import joined, linked_groups


def clips(n=24, **columns):
    """n clips, two a group, real and fake in turn by group, each group its own source unless told."""
    return tuple(
        Item(
            path=str(i),
            sha256=f"{i:064x}",
            label="fake" if i // 2 % 2 else "real",
            group=f"g{i // 2}",
            **{"width": 640, "height": 360, "fps": 25, "frames": 100, "codec": "h264"}
            | {name: value(i) for name, value in columns.items()},
        )
        for i in range(n)
    )


def photos(n, seed=0):
    import cv2

    noise = np.random.default_rng(seed).integers(0, 256, (n, 9, 16)).astype(np.uint8)
    return np.stack([cv2.resize(picture, (160, 90), interpolation=cv2.INTER_CUBIC) for picture in noise])


def noisy(frames):
    import cv2

    return np.stack([cv2.imdecode(cv2.imencode(".jpg", f[::2, ::2], [1, 20])[1], 0) for f in frames])


def test_fingerprint_has_one_bit_a_step_to_the_right():
    ramp = np.tile(np.arange(0, 180, 20, dtype=np.uint8), (8, 1))
    assert [int(h) for h in fingerprint(np.stack([ramp, ramp[:, ::-1]]))] == [2**64 - 1, 0]
    ramp[0] = ramp[0, ::-1]
    assert int(fingerprint(ramp[None])[0]) == 2**56 - 1


def test_recompressed_copies_are_found_and_other_clips_are_not():
    frames = photos(12)
    prints = [fingerprint(f) for f in (frames[:4], frames[4:8], noisy(frames[:4]), frames[8:12])]
    assert near_copies(prints) == ((0, 2),)


def test_half_of_the_frames_must_match_and_flat_frames_never_do():
    frames, black = photos(12), np.zeros((4, 90, 160), np.uint8)
    quarter = np.concatenate([frames[:1], frames[5:8]])
    half = np.concatenate([frames[:2], frames[8:10]])
    assert near_copies([fingerprint(f) for f in (frames[:4], quarter, half)]) == ((0, 2),)
    assert near_copies([fingerprint(f) for f in (frames[:1], frames[:4])]) == ()
    assert near_copies([fingerprint(black), fingerprint(black)]) == ()
    assert near_copies([]) == ()


def test_copies_across_groups_are_named_and_join_the_groups():
    items = list(clips())
    items[5] = replace(items[5], sha256=items[0].sha256)
    frames = photos(48, seed=1).reshape(24, 2, 90, 160)
    prints = [fingerprint(f) for f in frames]
    prints[9] = prints[8]  # of one group: no leak
    prints[20] = prints[3]
    found = audit(items, prints)
    assert found.duplicates == ((0, 5),)
    assert found.near_copies == ((3, 20),)
    assert "1 files occur twice" in found.warnings[0]
    assert "1 pairs of near copies" in found.warnings[1]
    assert joined(items, found.near_copies)[20].group == "g1"
    assert len(set(linked_groups(joined(items, found.near_copies)))) == 10


def test_a_leaking_frame_rate_is_told():
    rng = np.random.default_rng(0)
    found = audit(clips(fps=lambda i: 10 + rng.random() if i // 2 % 2 else 25 + rng.random()))
    assert found.metadata.auc == pytest.approx(1)
    assert (found.column, found.column_alone.auc) == ("frame rate", pytest.approx(1))
    assert found.metadata.groups == 12
    assert any(
        "size, frame rate, bit rate, duration and codec together separate the classes (AUC 1.00, 12 groups): a detector"
        in said
        for said in found.warnings
    )


def test_length_is_told_apart_from_the_rest():
    found = audit(clips(frames=lambda i: 14 if i // 2 % 2 else 200, fps=lambda i: 0))
    assert found.length.auc == 1
    assert found.metadata.auc == 0.5


def test_a_table_that_says_nothing_scores_half():
    found = audit(clips())
    assert (found.metadata.auc, found.length.auc) == (0.5, 0.5)
    assert not [said for said in found.warnings if "AUC" in said]


def test_few_groups_give_no_number_and_a_sentence():
    found = audit(clips(8))
    assert found.metadata.auc is found.length.auc is found.sources_metadata.auc is None
    assert "2 real and 2 synthetic groups are too few" in found.warnings[0]


def test_grouped_auc_never_tests_a_group_it_was_taught(monkeypatch):
    seen = []

    def spy(features, positive, groups):
        seen.append(set(groups))
        return lambda rows: (tested.append({str(int(g)) for g in rows[:, 0]}), rows[:, 0])[1]

    tested = []
    monkeypatch.setattr(module, "logistic", spy)
    groups = np.repeat(np.arange(12), 3)
    grouped_auc(groups[:, None].astype(float), groups % 2 == 0, groups)
    assert len(seen) == 5
    assert all(not taught & held for taught, held in zip(seen, tested, strict=True))
    assert set.union(*tested) == {str(g) for g in range(12)}


def test_groups_weigh_alike_in_the_auc(monkeypatch):
    """One of ten real groups scores above the synthetic ones: 9 of 10 pairs are right, though it has three clips."""
    monkeypatch.setattr(module, "logistic", lambda *_: lambda rows: rows[:, 0])
    groups = np.repeat(np.arange(13), [3] + [1] * 12)
    features = np.where(groups == 0, 2.0, np.where(groups < 10, 0.0, 1.0))[:, None]
    assert grouped_auc(features, groups >= 10, groups).auc == pytest.approx(0.9)


def test_a_feature_that_only_knows_the_group_is_worth_nothing():
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(40), 10)
    features = rng.normal(size=(40, 30))[groups] + rng.normal(size=(400, 30)) * 0.01
    assert 0.3 < grouped_auc(features, groups % 2 == 0, groups).auc < 0.7


def test_real_sources_are_compared_with_each_other():
    items = clips(48, source=lambda i: "ab"[i // 24], width=lambda i: (640, 1280)[i // 24])
    rng = np.random.default_rng(0)
    found = audit(items, features=rng.normal(size=(48, 1)))
    assert found.sources_metadata.auc == 1
    assert found.sources_metadata.groups == 12
    assert found.sources_features.auc < 0.8
    assert any("metadata tells real sources apart (AUC 1.00)" in said for said in found.warnings)


def test_metadata_columns():
    items = (
        Item(path="a", label="real", width=100, height=50, fps=10, frames=20, bit_rate=25_000, codec="h264"),
        Item(path="b", label="fake", width=200, height=50, fps=0, frames=0, duration_s=8, codec=""),
    )
    names, values = metadata(items)
    table = dict(zip(names, values.T.tolist(), strict=True))
    assert table["bits per pixel"][0] == -1  # 25,000 bits / (5,000 pixels * 10 a second)
    assert table["width"] == pytest.approx(np.log2([100, 200]).tolist())
    assert table["duration"] == [1, 3]
    assert table["frame rate unknown"] == table["codec unknown"] == [0, 1]
    assert length(items).shape == (2, 3)


def test_groups_weigh_alike_in_the_fit():
    """One group of a thousand copies must not outvote nine groups of one."""
    features = np.r_[np.full(1000, 1.0), np.full(9, -1.0), np.full(5, 0.0)][:, None]
    synthetic = np.r_[np.ones(1009, bool), np.zeros(5, bool)]
    groups = np.r_[["big"] * 1000, [f"s{i}" for i in range(9)], [f"r{i}" for i in range(5)]]
    low, high = logistic(features, synthetic, groups)(np.array([[-1.0], [1.0]]))
    assert low > high


def test_a_twin_in_the_same_group_is_no_leak():
    items = [replace(item, group="one") if i < 4 else item for i, item in enumerate(clips())]
    prints = [fingerprint(frames) for frames in photos(48, seed=2).reshape(24, 2, 90, 160)]
    prints[2] = prints[0]
    assert (items[0].label, items[2].label) == ("real", "fake")
    assert audit(items, prints).near_copies == ()
