"""Do the tables of the study come out of a table of clips, each line with sources held out?"""

from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest

from conftest import moving_picture, write_video
from sightcheck.bench import study
from sightcheck.bench.study import Line
from sightcheck.data import chains
from sightcheck.data.manifest import Item
from sightcheck.protocol import sources
from sightcheck.video import appearance

EACH = 4


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four sources, a pair in each, the synthetic clip with new detail in every frame; the last row is no clip."""
    monkeypatch.setenv("SIGHTCHECK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SIGHTCHECK_HOME", str(tmp_path / "home"))
    rows = ["path,label,source,generator,group"]
    for at in range(EACH):
        plain = moving_picture(18, 96, 64, at)
        made = plain.astype(np.int16)
        made[:, :64] += np.random.default_rng(at).integers(-25, 25, made[:, :64].shape, np.int16)
        for label, yuv in (("real", plain), ("fake", made.clip(0, 255).astype(np.uint8))):
            write_video(tmp_path / f"{label}{at}.mp4", yuv)
            rows.append(f"{label}{at}.mp4,{label},s{at},{f'g{at}' if label == 'fake' else ''},scene{at}")
    (tmp_path / "no.mp4").write_bytes(b"no clip")
    (tmp_path / "clips.csv").write_text("\n".join([*rows, "no.mp4,real,odd,,odd"]) + "\n")
    return tmp_path / "clips.csv"


def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """One draw of two sources, one kind of copy, and numbers in the place of the networks."""
    monkeypatch.setattr(study, "DRAWS", 1)
    monkeypatch.setattr(study, "TAUGHT", (2,))
    monkeypatch.setattr(study, "EVERY", 4)
    monkeypatch.setattr(chains, "COPIES", {"small": chains.COPIES["small"]})

    def networks(items: list[Item], by_path: dict[str, int]):
        draw = np.random.default_rng(0)
        yield "frames (5 folds)", draw.normal(size=len(items)) + 3 * sources.labels(items)

    monkeypatch.setattr(study, "networks", networks)


def test_every_table_is_printed(
    table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    quick(monkeypatch)
    study.main(str(table))
    lines, copies, curve = capsys.readouterr().out.split("\n## ")
    lines, apart = lines.split("\nControl, real against real")
    assert "metadata" in apart
    assert "traces" in apart
    rows = [row.strip("| ").split(" | ") for row in lines.strip().splitlines()]
    assert {len(row) for row in [rows[0], *rows[2:]]} == {2 + len(astuple(sources.worth(*alone())))}
    found = {row[0]: row[1:] for row in rows[2:]}
    assert {one for one in found if one.startswith("control")} == {
        f"control: {name}" for name in ("metadata", "length", "frame rate")
    }
    assert {"traces", "traces, no pairs", "F-SVM canonical", "frames (5 folds)"} <= {*found}
    assert {"joint: traces, frames", "joint: traces, frames, as stated"} <= {*found}
    assert not [name for name in found if "appearance" in name], "the backbone is not here"
    assert {row[0] for row in found.values()} == {str(2 * EACH)}, "the file that is no clip is left out"
    assert float(found["traces"][1]) >= 0.9
    assert float(found["traces"][4]) >= 0.7, "pairs in the right order"
    assert float(found["control: frame rate"][1]) == 0.5
    assert copies.splitlines()[2].startswith("3 clips, 1 of the aligned pairs")
    assert copies.splitlines()[4].count("|") == 4, "a line, as it is, small"
    for name in ("F-SVM canonical", "traces"):
        (row,) = [row for row in copies.splitlines() if row.startswith(f"| {name} |")]
        assert row.count(", ") == 2 * 2
    assert [row.split(" | ")[0] for row in curve.strip().splitlines()[-2:]] == ["| 2", "| all"]


def alone() -> tuple[np.ndarray, np.ndarray, tuple[Item, ...]]:
    items = (Item(path="a", label="real", source="s"), Item(path="b", label="fake", source="t"))
    return np.array([0.0, 1.0]), np.array([0.0, 1.0]), items


def world(each: int = 6) -> tuple[Item, ...]:
    """Sources with a pair each, then two of a single label."""
    pair = Item(path="r", label="real", width=64, height=64)
    items = [
        replace(
            pair,
            path=f"{label}{at}",
            label=label,
            source=f"s{at}",
            group=f"scene{at}",
            generator=f"g{at}" * (label == "fake"),
        )
        for at in range(each)
        for label in ("real", "fake")
    ]
    return (*items, Item(path="x", label="real", source="x"), Item(path="y", label="fake", source="y", generator="y"))


def line(items: tuple[Item, ...], taught: list[list[str]]) -> Line:
    """Says the first column, and remembers who taught."""

    def fit(vectors: np.ndarray, items: object):
        taught.append([item.path for item in items])  # type: ignore[attr-defined]
        assert len(vectors) == len(taught[-1])
        return lambda rows: rows[:, 0]

    values = np.arange(len(items), dtype=float)[:, None, None] * np.ones((1, 2, 3))
    return Line("mine", values, fit)


def test_a_line_is_scored_by_models_of_other_sources_and_not_where_it_could_not_be_read() -> None:
    items, taught = world(), []
    one = line(items, taught)
    one.vectors[3] = np.nan
    found = study.held_out(one, items)
    assert np.flatnonzero(np.isnan(found)).tolist() == [3]
    assert np.delete(found, 3).tolist() == [at for at in range(14) if at != 3]
    assert len(taught) == 8
    assert all("fake1" not in names for names in taught)
    assert all(len({name[-1] for name in names} - {"x", "y"}) >= 5 for names in taught)
    exam = np.full((14, 3), 7.0)
    assert np.nanmin(study.held_out(one, items, exam)) == 7


@pytest.mark.parametrize("most", [1, 3])
def test_few_sources_teach_and_both_labels_are_among_them(most: int) -> None:
    items = world()
    drawn: set[frozenset[str]] = set()
    for seed in range(4):
        taught: list[list[str]] = []
        again: list[list[str]] = []
        study.held_out(line(items, taught), items, most=most, seed=seed)
        study.held_out(line(items, again), items, most=most, seed=seed)
        assert taught == again
        for names in taught:
            own = {item.source for item in items if item.path in names}
            assert len(own) == most
            assert {item.label for item in items if item.path in names} == {"real", "fake"}
        drawn |= {frozenset(names) for names in taught}
    assert len(drawn) > 4


def test_differences_inside_pairs_teach_alone() -> None:
    """What shifts both members of a pair says nothing; what parts them, all."""
    items, draw = world(), np.random.default_rng(0)
    fake = sources.labels(items).astype(float)
    scene = np.repeat(draw.normal(size=7), 2) * 100
    vectors = np.zeros((14, 1, sum(size for _, size in study.traces.FAMILIES)))
    vectors[:, 0, 0] = scene + fake + draw.normal(size=14) / 10
    score = study.only_pairs("traces")(vectors, items)
    found = np.asarray(score(vectors[:, 0] - np.array([[shift] + [0.0] * (vectors.shape[2] - 1) for shift in scene])))
    assert found[fake == 1].min() > found[fake == 0].max()


def test_where_no_pair_is_left_to_teach_nothing_is_said() -> None:
    others = [
        Item(path=f"{label}{at}", label=label, source=f"{label}{at}") for label in ("real", "fake") for at in (8, 9)
    ]
    items = (*world(1)[:2], *others)
    vectors = np.random.default_rng(0).normal(size=(len(items), 1, sum(size for _, size in study.traces.FAMILIES)))
    found = study.held_out(Line("mine", vectors, study.only_pairs("traces")), items)
    mine = [item.source == "s0" for item in items]
    assert np.isnan(found[mine]).all()
    assert np.isfinite(found[~np.array(mine)]).all()
    assert "| mine |" in study.row("mine", found, items)
    none = study.held_out(Line("mine", vectors[2:], study.only_pairs("traces")), items[2:])
    assert study.row("mine", none, items[2:]).startswith("| mine | 0 |")


def test_fusions_are_of_lines_that_are_there() -> None:
    scores = dict.fromkeys(("traces", "frames (5 folds)", "residual (5 folds)"), np.zeros(1))
    found = study.fusions(scores)
    assert found
    assert all({*parts} <= {*scores} for parts in found.values())
    assert "joint: traces, frames" in found
    assert "joint-appearance: traces, appearance" in study.fusions({**scores, "appearance": np.zeros(1)})


def test_rows_are_spread_over_the_items_by_path() -> None:
    items = world(1)
    by_path = {item.path: at for at, item in enumerate(items)}
    read = (items[2], items[0], Item(path="elsewhere", label="real"))
    found = study.spread(np.arange(3.0)[:, None, None], read, by_path, 4)
    assert found[:, 0, 0][[0, 2]].tolist() == [1, 0]
    assert np.isnan(found[[1, 3]]).all()


def test_numbers_are_short() -> None:
    assert [study.number(one) for one in (0.934, 1.063, np.nan, 0.0, 1.0)] == [".93", "1.06", "-", ".00", "1.00"]
    assert appearance.LENGTH == 2 * appearance.WIDTH + 512
