"""Do a real clip and its twin differ in nothing but a decoder?"""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import moving_picture, write_video
from sightcheck import sandbox
from sightcheck.data import manifest
from sightcheck.data.audit import grouped_auc, metadata
from sightcheck.data.split import linked_groups
from sightcheck.errors import UsageError
from sightcheck.learn import twins
from sightcheck.media import look, pictures

pytest.importorskip("torch")

from sightcheck.nets import autoencoders


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four real clips of two sources, a synthetic one that must not be read, and very short training of two kinds."""
    monkeypatch.setattr(
        autoencoders, "KINDS", {name: autoencoders.KINDS[name] for name in ("shuffle-4-temporal", "nearest-8")}
    )
    monkeypatch.setattr(autoencoders, "SCHEDULE", replace(autoencoders.SCHEDULE, epochs=1))
    monkeypatch.setattr(autoencoders, "CROPS", 16)
    rows = ["path,label,source,scene,kind"]
    for at in range(4):
        write_video(tmp_path / f"{at}.mp4", moving_picture(12 + at, 160, 112, at), fps=10 + at)
        rows.append(f"{at}.mp4,real,s{at // 2},g{at},street")
    write_video(tmp_path / "fake.mp4", moving_picture(12, 160, 112, 9))
    (tmp_path / "clips.csv").write_text("\n".join([*rows, "fake.mp4,fake,s9,g9,street"]))
    return tmp_path / "clips.csv"


def test_a_pair_differs_in_its_pixels_alone(table: Path, tmp_path: Path) -> None:
    heard: list[str] = []
    items = manifest.read(twins.build(table, tmp_path / "to", lambda done, what: heard.append(what)))
    assert [item.synthetic for item in items].count(True) == 4
    assert {item.generator for item in items} == {"", "shuffle-4-temporal", "nearest-8"}
    by_group = {group: [item for item in items if item.group == group] for group in ("g0", "g1", "g2", "g3")}
    for real, fake in (sorted(pair, key=lambda item: item.synthetic) for pair in by_group.values()):
        clips = [sandbox.run(look, item.path.encode()) for item in (real, fake)]
        for name in ("width", "height", "fps", "frames", "codec", "duration_s"):
            assert getattr(clips[0], name) == getattr(clips[1], name), name
        assert (real.source, real.kind, real.quality) == (fake.source, fake.kind, fake.quality)
        size = (real.height, real.width)
        one, other = (
            sandbox.run(pictures, item.path.encode(), twins.WINDOWS, *size).rgb.astype(float) for item in (real, fake)
        )
        assert 1 < np.abs(one - other).mean() < 120
    # at one CRF two pictures cost different bits: four pairs are too few to judge that by
    rateless = [replace(item, bit_rate=0.0) for item in items]
    score = grouped_auc(metadata(rateless)[1], np.array([item.synthetic for item in items]), linked_groups(items), k=2)
    assert score.auc == 0.5


def test_what_is_there_is_kept(table: Path, tmp_path: Path) -> None:
    twins.build(table, tmp_path / "to")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "to").rglob("*.mp4")}
    lost = next(iter((tmp_path / "to/fake").iterdir()))
    again = lost.read_bytes()
    lost.unlink()
    twins.build(table, tmp_path / "to")
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "to").rglob("*.mp4")}
    real = tmp_path / "to/real" / f"{lost.name.split('-')[0]}.mp4"
    assert {path for path in before if before[path] != after[path]} == {lost, real}
    assert lost.read_bytes() == again


def test_a_folder_with_other_things_is_left_alone(table: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("keep me")
    with pytest.raises(UsageError, match="is not empty and holds no twins"):
        twins.build(table, tmp_path / "mine")
    assert (tmp_path / "mine/letter.txt").read_text() == "keep me"


def test_a_table_without_real_clips_is_told(table: Path, tmp_path: Path) -> None:
    shutil.copy(table, tmp_path / "only.csv")
    (tmp_path / "only.csv").write_text("path,label\nfake.mp4,fake")
    with pytest.raises(UsageError, match="no real clip"):
        twins.build(tmp_path / "only.csv", tmp_path / "to")


@pytest.mark.parametrize("name", [*autoencoders.KINDS])
def test_every_kind_gives_frames_of_their_own_size_back(name: str) -> None:
    net = autoencoders.Autoencoder(autoencoders.KINDS[name]).eval()
    assert sum(one.numel() for one in net.parameters()) < 500_000
    rgb = np.random.default_rng(0).integers(0, 255, (3, 101, 99, 3), dtype=np.uint8)
    assert autoencoders.pass_through(net, rgb).shape == rgb.shape
