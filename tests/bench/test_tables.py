"""Do the tables of the thesis run as it describes them, on its data sets or on others?"""

import csv
import dataclasses
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import moving_picture, write_video
from sightcheck import sandbox
from sightcheck.bench.tables import compared, costs, fits, layout, parts, plans, published, released, runner, scores
from sightcheck.bench.tables.plans import CNN, TEXTURE, Shortened, plan
from sightcheck.bench.tables.published import Address, printed
from sightcheck.bench.tables.scores import Heard, Said
from sightcheck.cli import table as table_cli
from sightcheck.data import qualities
from sightcheck.data.manifest import Item
from sightcheck.errors import Damaged, UsageError
from sightcheck.media import look
from sightcheck.media.whole import every, reencoded
from sightcheck.protocol.contender import Spoken
from sightcheck.verdict import Evidence


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTCHECK_CACHE", str(tmp_path / "cache"))


class Told:
    """A method that reads P(synthetic) out of the file, says it of three frames, and counts how often it was taught."""

    parameters, settings = 91, ""

    def __init__(self, name: str, log: list[str]) -> None:
        self.name, self.log = name, log

    def read(self, item: Item) -> float:
        said = float(Path(item.path).read_text().split()[0])
        if math.isnan(said):
            raise Damaged("holds no number")
        return said

    def fit(self, clips: list[float], synthetic: Any, units: Any, validation: Any = None, told: Any = None) -> "Told":
        assert {*synthetic.tolist()} == {False, True}
        assert len(clips) == len(synthetic) == len(units)
        self.log.append(f"{self.name} {len(clips)} {len(validation[0]) if validation else 0}")
        return self

    def speak(self, clip: float) -> Spoken:
        return Spoken(np.full(3, clip), np.full(3, clip > 0.5), np.array([[at, at + 2.0] for at in range(3)]))

    def size_bytes(self) -> int:
        return 10 * 1024


Value = Callable[[str, str, str, int], float]


def right(subset: str, quality: str, label: str, number: int) -> float:
    return 0.9 if label == "fake" else 0.1


def folders(root: Path, subsets: tuple[str, ...], each: int = 8, value: Value = right, qualities: bool = False) -> Path:
    """The documented layout, with files that say their P(synthetic) and nothing else."""
    for subset in subsets:
        for quality in ("RAW", "HQ", "LQ") if qualities else ("",):
            for label in ("real", "fake"):
                folder = root / subset / quality / label
                folder.mkdir(parents=True)
                for number in range(each):
                    said = value(subset, quality or "RAW", label, number)
                    (folder / f"{number}.mp4").write_text(f"{said} {subset} {quality} {label} {number}")
    return root


def run(number: str, data: Path, log: list[str], **kwargs: Any) -> compared.Compared:
    planned = plan(number)
    return runner.run(planned, layout.gather(data, planned.roles), lambda name: Told(name, log), **kwargs)


def ours(found: compared.Compared, **wanted: str) -> float:
    (one,) = [one for one in found.results if all(getattr(one, key) == value for key, value in wanted.items())]
    assert one.ours is not None, one.note
    return one.ours.value


@pytest.mark.parametrize("number", published.numbers())
def test_a_plan_has_every_published_number_once(number: str) -> None:
    addresses = [cell.address for cell in plan(number).cells]
    assert len(addresses) == len(set(addresses))
    if printed(number).numbers:
        assert set(addresses) == set(printed(number).numbers)
    places = [(cell.row, cell.column, cell.method, cell.metric) for cell in plan(number).cells]
    assert len(places) == len(set(places))


def test_no_published_number_is_lost() -> None:
    counts = {number: len(printed(number).numbers) for number in published.numbers()}
    assert counts == {
        "3.2": 12, "3.3": 9, "3.4": 9, "3.extra": 2, "4.2": 3, "4.4": 36, "4.5": 36, "4.6": 36, "4.7": 72, "4.8": 72,
        "4.9": 36, "4.10": 12, "4.11": 96, "4.12": 27, "4.13": 27, "4.14": 27, "4.sota": 1, "5.1": 0, "5.2": 12,
        "5.3": 64, "5.4": 16,
    }  # fmt: skip
    assert "lost" in printed("5.1").remarks[0]
    assert printed("4.7").numbers[Address("Fit", "RAW", "Swap", "HQ", CNN, 0, "AUC")] == 0.93
    with pytest.raises(UsageError, match=r"no table '6.1' here; there are: 3.2, 3.3"):
        printed("6.1")


def contradicting(number: str, before: str, after: str, method: str = "") -> dict[Address, float]:
    """Changes in percent that are not printed as the tables they come from give them, cut or rounded to a percent."""
    was, now, found = printed(before).numbers, printed(after).numbers, {}
    for address, change in printed(number).numbers.items():
        if address.metric != "ACC":
            one = dataclasses.replace(address, metric="ACC")
            first, then = was[one], now[dataclasses.replace(one, method=method or one.method)]
            derived = 100 * (then - first) / first
            if abs(derived - change) > 1:
                found[address] = derived
    return found


@pytest.mark.parametrize(
    ("number", "before", "after", "method"),
    [("4.9", "4.7", "4.8", ""), *((f"4.1{n + 2}", f"4.{n + 4}", f"4.1{n + 2}", "Fusion") for n in range(3))],
)
def test_relative_changes_follow_from_the_other_tables_but_where_it_is_listed(
    number: str, before: str, after: str, method: str
) -> None:
    listed = {address: derived for address, (_, derived) in printed(number).contradictions.items()}
    assert contradicting(number, before, after, method) == {
        key: pytest.approx(one, abs=0.1) for key, one in listed.items()
    }
    assert sum(len(printed(one).contradictions) for one in published.numbers()) == 2


def test_a_missing_folder_is_named_with_the_layout(tmp_path: Path) -> None:
    folders(tmp_path, ("Cityvid", "Kittivid"))
    with pytest.raises(UsageError) as error:
        layout.gather(tmp_path, plans.STREETS)
    assert str(error.value).startswith(f"{tmp_path}/Citywcvid/real is missing; give {tmp_path}/{{Cityvid,Citywcvid,")
    (tmp_path / "Citywcvid/real").mkdir(parents=True)
    with pytest.raises(UsageError, match=r"Citywcvid/real has no \.mp4 file"):
        layout.gather(tmp_path, plans.STREETS)
    with pytest.raises(UsageError, match=r"Cityvid/real is missing"):
        table_cli.table("3.2", data=tmp_path / "nowhere")
    with pytest.raises(UsageError, match="needs --detector"):
        table_cli.table("4.sota", data=tmp_path)


def test_folders_give_groups_qualities_and_limits(tmp_path: Path) -> None:
    clips = layout.gather(folders(tmp_path, ("Fit", "Splice"), each=6, qualities=True), ("Fit", "Splice"), limit=4)
    assert Counter((item.subset, item.label) for item in clips.items) == dict.fromkeys(
        ((subset, label) for subset in ("Fit", "Splice") for label in ("real", "fake")), 4
    )
    assert len({item.group for item in clips.of("Fit")}) == 4  # twins stay together
    assert {item.group for item in clips.of("Splice")} <= clips.tests  # the scenes of Splice are Fit's, and only test
    low = clips.at(clips.of("Fit")[0], "LQ")
    assert "LQ" in Path(low.path).read_text()
    assert low.group == clips.of("Fit")[0].group
    assert {(item.subset, item.label) for item in clips.of("Fit/Splice")} == {("Fit", "real"), ("Splice", "fake")}


def pairs(subset: str, each: int) -> list[Item]:
    labels: tuple[Any, ...] = ("real", "fake")
    return [
        Item(path=f"{subset}{n}{one}", label=one, subset=subset, group=f"{subset}{n}")
        for n in range(each)
        for one in labels
    ]


def test_splits_are_those_of_the_thesis() -> None:
    for number, sizes in (
        ("3.2", {"Cityvid": (200, 120, 30, 50)}),
        ("4.7", {"Swap": (10, 8, 0, 2), "Puppet": (5, 4, 0, 1), "Fit": (74, 54, 7, 13), "Splice": (10, 0, 0, 10)}),
        ("5.1", {"Kittivid": (200, 128, 22, 50)}),
        ("5.3", {"DeepFor": (1000, 703, 96, 201), "VFHQ": (596, 394, 113, 89)}),
    ):
        items = [item for subset, (each, *_) in sizes.items() for item in pairs(subset, each)]
        found = parts.split(items, parts.shares(number, own=True))
        for subset, (_, *wanted) in sizes.items():
            counts = Counter(part for group, part in found.items() if group.startswith(subset))
            assert [counts[part] for part in ("train", "validation", "test")] == wanted
        assert found == parts.split(items[::-1], parts.shares(number, own=True))


def test_few_clips_are_a_part_of_more() -> None:
    items = pairs("Fit", 20)
    some = [{item.path for item in parts.few(items, count)[0]} for count in (2, 4, 0)]
    first, spare = parts.few(items, 4)
    assert {item.path for item in (*first, *spare)} == some[2]
    assert [len(one) for one in some] == [4, 8, 40]
    assert some[0] < some[1] < some[2]


def rows(path: Path, generators: dict[str, int], reals: dict[str, int]) -> Path:
    """A table of clips, each generator and each source of real ones with so many."""
    (path.parent / "clips").mkdir(exist_ok=True)
    lines = []
    for label, given in (("fake", generators), ("real", reals)):
        for name, count in given.items():
            for number in range(count):
                file = path.parent / "clips" / f"{name}-{number}.mp4"
                file.write_text(f"{0.8 if label == 'fake' else 0.2} {name} {number}")
                maker = name if label == "fake" else ""
                lines.append([f"clips/{file.name}", label, "street", maker, name, f"{name}{number}"])
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["path", "label", "kind", "generator", "source", "scene"], *lines])
    return path


def test_a_table_of_other_clips_takes_the_roles(tmp_path: Path) -> None:
    table = rows(
        tmp_path / "clips.csv", {"Vista": 9, "GenA": 7, "GenB": 7, "tiny": 3}, {"a": 8, "b": 5, "c": 4, "d": 3}
    )
    clips = layout.gather(table, plans.STREETS, "street", limit=6)
    assert clips.shown == {"Cityvid": "Vista", "Citywcvid": "GenA", "Kittivid": "GenB"}
    assert not clips.own
    assert "other data: generators as subsets: Vista for Cityvid (6 real, 6 synthetic)" in clips.notes[0]
    of_source: dict[str, set[str]] = {}
    for item in clips.items:
        of_source.setdefault(item.source, set()).add(item.subset)
    assert all(len(subsets) == 1 for subsets in of_source.values())
    assert clips.named("taught on Cityvid") == "taught on Vista"
    assert clips.named("DeepStreets") == "all of them"
    log: list[str] = []
    found = run("3.4", table, log)
    assert ours(found, row="GenA", column="Vista") == 100
    assert {one.published for one in found.results} == {None}
    with pytest.raises(UsageError, match=r"4 generators of at least 5 synthetic clips must stand for .*; it has 3"):
        layout.gather(table, plans.DANCE)
    with pytest.raises(UsageError, match="no clip of kind 'dance'"):
        layout.gather(table, plans.STREETS, "dance")


def test_real_clips_are_dealt_by_what_can_be_split() -> None:
    scenes = {"large": ["one"] * 9, "many": "abcdef", "some": "ghi", "few": "jk"}
    items = [Item(path="", label="real", source=name, group=group) for name in scenes for group in scenes[name]]
    role_of = {item.source: item.subset for item in layout._dealt(items, plans.STREETS)}
    assert role_of == {"many": "Cityvid", "some": "Citywcvid", "few": "Kittivid", "large": "Kittivid"}


def test_a_run_that_was_stopped_goes_on_and_a_second_one_teaches_nothing(tmp_path: Path) -> None:
    data, log = folders(tmp_path / "data", plans.STREETS, each=20), []

    def stop(done: float, what: str) -> None:
        if done > 0.66:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run("3.4", data, log, told=stop)
    assert log == ["Xception (3.2.2) 24 6"] * 2
    found = run("3.4", data, log)
    assert len(log) == 3
    assert compared.to_csv(run("3.4", data, log)) == compared.to_csv(found)
    assert len(log) == 3
    assert len(found.results) == 9
    assert ours(found, row="Cityvid", column="Kittivid") == 100
    assert [one.published for one in found.results][:3] == [100.0, 71.5, 88.16]
    assert found.percent
    assert found.results[0].ours.n == 10
    run("3.4", data, log, shortened=Shortened(epochs=1))
    assert len(log) == 6


def test_a_model_is_written_only_where_its_size_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Told, "size_bytes", lambda self: pytest.fail("exported for nothing"))
    found = run("3.4", folders(tmp_path, plans.STREETS), [])
    assert ours(found, row="Kittivid", column="Kittivid") == 100
    assert {found.interval(one) for one in found.results} == {""}  # what no resample changes


def test_a_clip_that_cannot_be_read_is_named_and_left_out(tmp_path: Path) -> None:
    def damaged(subset: str, quality: str, label: str, number: int) -> float:
        return math.nan if (subset, label, number) == ("Cityvid", "fake", 3) else right(subset, quality, label, number)

    found = run("3.4", folders(tmp_path, plans.STREETS, value=damaged), [])
    assert ours(found, row="Kittivid", column="Kittivid") == 100
    told = f"clips that could not be read: 1, such as {Path('Cityvid/fake/3.mp4')}: holds no number"
    assert told in found.notes


def test_a_curve_stops_where_the_clips_do_and_one_count_takes_what_there_is(tmp_path: Path) -> None:
    data, log = folders(tmp_path, plans.STREETS, qualities=True), []
    found = run("5.1", data, log)
    by_row = {one.row: one for one in found.results}
    assert by_row["4"].ours is not None
    assert by_row["8"].note == "Kittivid has 5 clips a class to teach"
    assert "published numbers of this table are lost" in " ".join(found.notes)
    across = run("5.2", data, log)
    assert across.results[0].note == "taught on 5 clips a class, all there are"


def drifting(subset: str, quality: str, label: str, number: int) -> float:
    """Scores that fall with the quality, so that 1/2 parts the labels on RAW only."""
    return right(subset, quality, label, number) * {"RAW": 1.0, "HQ": 0.5, "LQ": 0.25}[quality]


def test_the_threshold_set_on_validation_clips_of_the_tested_quality(tmp_path: Path) -> None:
    data, log = folders(tmp_path, ("Fit", "Puppet", "Swap"), each=16, value=drifting, qualities=True), []
    where = {"row": "Swap", "column": "RAW to HQ", "method": CNN}
    assert ours(run("4.7", data, log), **where, metric="ACC") == 0.5
    assert ours(run("4.8", data, log), **where, metric="ACC") == 1.0
    assert ours(run("4.9", data, log), **where) == 100.0
    assert len(log) == 6  # two methods at three qualities, whatever the table
    assert printed("4.8").numbers[Address("Fit", "RAW", "Swap", "HQ", CNN, 0, "ACC")] == 0.85


def heard(*said: tuple[bool, tuple[float, ...]]) -> Heard:
    return Heard(
        tuple(
            Said(f"{at}", side, f"{at}", fake, tuple(v > 0.5 for v in fake), seconds(len(fake)))
            for at, (side, fake) in enumerate(said)
        )
    )


def seconds(count: int) -> tuple[tuple[float, float], ...]:
    """Sequences of two seconds that begin a second apart."""
    return tuple((float(at), at + 2.0) for at in range(count))


def test_thresholds_rates_and_fusion_by_hand() -> None:
    one = heard((False, (0.1, 0.2)), (False, (0.35,)), (True, (0.3, 0.4)), (True, (0.4,)))
    assert scores.best_threshold(one) == pytest.approx(0.375)
    assert scores.best_threshold(heard((False, (0.1,)), (True, (0.9,)))) == 0.5
    ones = np.ones(4)
    assert scores.frame_accuracy(one)(ones) == pytest.approx(3 / 6)
    assert scores.clip_accuracy(one)(ones) == 0.5
    assert scores.balanced(one, 0.375)(ones) == pytest.approx((1 + 2 / 3) / 2)
    assert scores.auc(one)(ones) == pytest.approx(8 / 9)
    assert scores.change(lambda w: 0.5, lambda w: 0.73)(ones) == pytest.approx(46)


def test_two_parts_that_say_the_same_gain_nothing_by_fusion() -> None:
    rng = np.random.default_rng(0)
    one = heard(
        *((at % 2 == 1, tuple(np.clip(rng.normal(0.4 + 0.2 * (at % 2), 0.2, 3 + at), 0, 1))) for at in range(12))
    )
    together, weights = scores.fused([one, one]), rng.uniform(size=12)
    assert together == one
    for rate in (scores.balanced, scores.auc, scores.clip_accuracy):
        assert 0.3 < rate(one)(weights) < 1
        assert rate(together)(weights) == rate(one)(weights)


def test_a_fusion_and_its_parts_are_counted_over_the_same_seconds() -> None:
    def spoken(sha256: str, synthetic: bool, fake: dict[float, float], late: float = 0.0) -> Said:
        return Said(
            sha256, synthetic, sha256, tuple(fake.values()), tuple(value > 0.5 for value in fake.values()),
            tuple((at + late, at + late + 2) for at in fake),
        )  # fmt: skip

    whole = Said("c", True, "c", (0.9,), (True,), ((0.0, 86400.0),))
    one = Heard((spoken("a", False, {0: 0.2, 1: 0.4, 3: 0.6}), spoken("b", True, {0: 0.9}), spoken("c", True, {0: 1})))
    other = Heard((spoken("b", True, {5: 0.1}), whole, spoken("a", False, {3: 0.9, 1: 0.2, 2: 0.1}, late=0.04)))
    first, second = scores.paired([one, other])
    assert [said.sha256 for said in first.said] == [said.sha256 for said in second.said] == ["a"]
    assert (first.said[0].fake, second.said[0].fake) == ((0.4, 0.6), (0.2, 0.9))
    assert scores.fused([one, other]).said[0].fake == pytest.approx((0.3, 0.75))
    assert first.said[0].spans_s == ((1, 3), (3, 5))


def test_frames_are_counted_over_the_sequences_of_a_clip_by_a_soft_vote(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", moving_picture(76, 64, 48), fps=25)  # two sequences: 0 to 49, 25 to 74
    times = np.array([0, 0.5, 1, 1.5, 2, 2.5, 3])
    fake = np.array([0.1, 0.2, 0.9, 0.8, 0.7, 0.6, 0.0])
    spoken = Spoken(fake, fake > 0.5, np.stack([times, times], axis=1))
    assert spoken.of_frames
    found = fits.over_sequences(spoken, Item(path=str(path), label="real"))
    np.testing.assert_allclose(found.fake, [fake[:4].mean(), fake[2:6].mean()])
    assert found.called.tolist() == [False, True]
    np.testing.assert_allclose(found.spans_s, [[0, 49 / 25], [1, 74 / 25]], atol=1e-6)
    assert not found.of_frames
    late = Spoken(fake[:1], fake[:1] > 0.5, np.array([[1.98, 1.98]]))
    assert fits.over_sequences(late, Item(path=str(path), label="real")).spans_s[0, 0] == pytest.approx(1)
    brief = write_video(tmp_path / "brief.mp4", moving_picture(40, 64, 48), fps=25)
    with pytest.raises(Damaged, match="no sequence of 50 frames"):
        fits.over_sequences(spoken, Item(path=str(brief), label="real"))


class Twofold(Told):
    """Two who say the same of every sequence: one of sequences, the other of the four frames that they are made of."""

    def read(self, item: Item) -> Any:
        return np.array([0.9, 0.3, 0.3, 0.9]) if item.synthetic else np.full(4, 0.1)

    def speak(self, clip: Any) -> Spoken:
        times = np.array([0.5, 1.5, 2.5, 3.5])
        spoken = Spoken(clip, clip > 0.5, np.stack([times, times], axis=1))
        return spoken.over(np.array([[at, at + 1.96] for at in range(3)])) if self.name == TEXTURE else spoken


def test_a_table_of_dances_gains_nothing_from_two_who_say_the_same(tmp_path: Path) -> None:
    log: list[str] = []
    root = folders(tmp_path, ("Fit", "Puppet", "Swap"), each=10)
    for number, path in enumerate(sorted(root.rglob("*.mp4"))):
        write_video(path, np.concatenate([moving_picture(4, 32, 32, seed=number)] * 25), fps=25)  # three sequences

    def numbers(number: str, metric: str) -> set[float]:
        planned = plan(number)
        found = runner.run(planned, layout.gather(root, planned.roles), lambda name: Twofold(name, log))
        assert all(one.ours for one in found.results)
        return {round(one.ours.value, 9) for one in found.results if one.metric == metric and one.ours}

    acc = round((1 + 2 / 3) / 2, 9)  # of a synthetic clip's sequences, .6 .3 .6, two are called so
    assert numbers("4.4", "ACC") == numbers("4.12", "ACC") == {acc}
    assert numbers("4.4", "AUC") == {1.0}
    assert numbers("4.12", "change by fusion") == {0.0}


def test_fusion_is_the_mean_of_the_two(tmp_path: Path) -> None:
    log: list[str] = []

    class Opposite(Told):
        def speak(self, clip: float) -> Spoken:
            return super().speak(0.8 - clip / 2 if self.name == TEXTURE else clip)

    planned = plan("4.12")
    clips = layout.gather(folders(tmp_path, ("Fit", "Puppet", "Swap"), each=10), planned.roles)
    found = runner.run(planned, clips, lambda name: Opposite(name, log))
    assert len(log) == 6
    assert ours(found, row="Fit", column="Swap", method="Fusion") == 1.0
    assert ours(found, row="Fit", column="Swap", method=CNN) == 0.0
    texture = next(one for one in found.results if one.method == TEXTURE)
    assert texture.ours is not None
    assert np.isnan(texture.ours.value)  # from an ACC of 0


def test_the_cost_of_training_in_words(tmp_path: Path) -> None:
    data, log = folders(tmp_path, plans.FACES, each=40), []
    found = run("5.4", data, log, shortened=Shortened(epochs=5, frames=10))
    by_place = {(one.row, one.method): one for one in found.results}
    assert found.text
    assert (by_place["parameters", "F-SVM"].ours_text, by_place["model size", "Xcept"].ours_text) == ("91", "10.0KB")
    assert by_place["training time (VFHQ)", "Xcept"].published_text == "17m45s"
    assert "an estimate, 30 times as long" in by_place["training time (VFHQ)", "Xcept"].note
    assert by_place["training time (VFHQ)", "F-SVM"].note == ""
    assert len(log) == 8
    assert [costs.duration(s) for s in (0.7281, 1114, 4524)] == ["0.7281s", "18m34s", "1h15m24s"]
    assert [costs.count(n) for n in (2, 42_800, 22_855_952)] == ["2", "42.8K", "22.9M"]


def test_a_released_detector_is_not_taught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        name = "silent"

        def examine(self, clip: Any, path: bytes, progress: Any = None) -> Evidence:
            return Evidence("silent", "sees nothing", score=-3.0)

    monkeypatch.setattr(released, "detector", lambda name: Silent())
    monkeypatch.setattr(sandbox, "run", lambda *_, **__: None)
    planned = plan("4.sota")
    clips = layout.gather(folders(tmp_path, plans.DANCE), planned.roles)
    found = runner.run(planned, clips, lambda name: released.Released("silent"))
    assert found.results[0].ours is not None
    assert (found.results[0].ours.value, found.results[0].published, found.results[0].ours.n) == (0.5, 0.5, 64)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("tiny") / "clip.mp4", moving_picture(8, 64, 48), crf="4")


def luma(path: Path) -> np.ndarray:
    return np.stack([picture for _, picture in every(bytes(path))])


def test_qualities_are_made_once_and_raw_is_the_file(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = Item(path=str(tiny), label="real")
    assert qualities.at_quality(item, "RAW").path == str(tiny)
    low, high = (qualities.at_quality(item, quality) for quality in ("LQ", "HQ"))
    kept = tmp_path / "cache/quality"
    # under the clip's own name, by which its keypoints are found
    assert sorted(f"{path.parent.name[-2:]}/{path.name}" for path in kept.rglob("*.mp4")) == [
        "23/clip.mp4",
        "40/clip.mp4",
    ]
    found, before = look(low.path.encode()), look(bytes(tiny))
    assert (found.codec, found.frames, found.fps, found.width) == ("h264", 8, before.fps, 64)
    assert Path(low.path).stat().st_size < Path(high.path).stat().st_size < tiny.stat().st_size
    assert low.sha256 == found.sha256
    monkeypatch.setattr(sandbox, "run", None)
    assert qualities.at_quality(item, "LQ") == low
    lossless = tmp_path / "lossless.mp4"
    lossless.write_bytes(reencoded(bytes(tiny), 0))
    assert np.array_equal(luma(lossless), luma(tiny))  # so RAW need not be encoded again


def test_likeness_of_pairs(tiny: Path, tmp_path: Path) -> None:
    data = tmp_path / "dance"
    for subset in ("Fit", "Puppet", "Splice"):
        for label in ("real", "fake"):
            (data / subset / label).mkdir(parents=True)
        (data / subset / "real/a.mp4").write_bytes(tiny.read_bytes())
        fake = moving_picture(8, 64, 48)
        fake[:, :48, 32:] = 255 - fake[:, :48, 32:] if subset == "Splice" else fake[:, :48, 32:]
        write_video(data / subset / "fake/a.mp4", fake, crf="4")
    planned = plan("4.2")
    found = runner.run(planned, layout.gather(data, planned.roles), lambda name: Told(name, []))
    assert ours(found, row="Fit") == pytest.approx(1, abs=0.01)
    splice = next(one for one in found.results if one.row == "Splice")
    assert splice.ours is None
    assert "no stick figures in" in splice.note
    figure = np.full((8, 72, 64), 128, np.uint8)
    figure[:, :48] = 16
    figure[:, 10:40, 8:16] = 200
    (data / "Splice/stick").mkdir()
    write_video(data / "Splice/stick/a.mp4", figure)
    found = runner.run(planned, layout.gather(data, planned.roles), lambda name: Told(name, []))
    assert ours(found, row="Splice", metric="Mask-SSIM") == pytest.approx(
        1, abs=0.02
    )  # its other half is not looked at


def test_the_command_writes_what_it_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log: list[str] = []
    contenders = pytest.importorskip("sightcheck.learn.video.contenders")
    monkeypatch.setattr(contenders, "contender", lambda name, epochs, frames, **_: Told(name, log))
    data = folders(tmp_path / "data", plans.STREETS, each=20)
    table_cli.table("5.2", data=data, method=["F-SVM"], to=tmp_path / "to")
    assert sorted(path.name for path in (tmp_path / "to").iterdir()) == [
        f"table-5.2.{end}" for end in ("csv", "html", "txt")
    ]
    assert "99.3" in capsys.readouterr().out
    assert len(log) == 3
    with pytest.raises(UsageError, match=r"table 5\.2 does not compare LDP-TOP; it compares: Xcept, F-SVM"):
        table_cli.table("5.2", data=data, method=["LDP-TOP"])


def test_the_command_says_how_bodies_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contenders = pytest.importorskip("sightcheck.learn.video.contenders")
    given: list[Any] = []
    monkeypatch.setattr(contenders, "contender", lambda name, *_, bodies, **__: given.append(bodies) or Told(name, []))
    data = folders(tmp_path / "data", ("Fit", "Puppet", "Swap"), each=8)
    table_cli.table("4.4", data=data, method=[TEXTURE])
    table_cli.table("4.4", data=data, method=[TEXTURE], ldp=table_cli.Form.magnitude, keypoints=tmp_path)
    assert {*given} == {contenders.Bodies(), contenders.Bodies("magnitude", 0, tmp_path)}


def test_what_was_measured_before_is_unknown_while_time_is_taken(tmp_path: Path) -> None:
    import os

    before = os.environ["SIGHTCHECK_CACHE"]
    with fits.empty_cache():
        assert os.environ["SIGHTCHECK_CACHE"] != before
    assert os.environ["SIGHTCHECK_CACHE"] == before


def test_no_scene_of_splice_teaches_or_validates_and_fits_test_set_is_one(tmp_path: Path) -> None:
    folders(tmp_path, ("Fit",), each=74)
    folders(tmp_path, ("Splice",), each=10)  # encoded anew: other bytes, the same scenes
    wanted = parts.shares("4.7", own=True)
    with_splice = layout.gather(tmp_path, ("Fit", "Splice"))
    alone = layout.gather(tmp_path, ("Fit",))
    splits = [parts.split(one.items, wanted, one.tests) for one in (with_splice, alone)]
    assert {splits[0][item.group] for item in with_splice.of("Splice")} == {"test"}
    assert len({item.group for item in with_splice.of("Splice")}) == 10
    of_fit = [{item.group: split[item.group] for item in alone.of("Fit")} for split in splits]
    assert of_fit[0] == of_fit[1]
    assert Counter(of_fit[0].values()) == {"train": 54, "validation": 7, "test": 13}


def test_a_clip_that_cannot_be_read_is_replaced_so_that_as_many_teach_as_a_row_says(tmp_path: Path) -> None:
    def damaged(subset: str, quality: str, label: str, number: int) -> float:
        return math.nan if number % 3 == 0 else right(subset, quality, label, number)

    log: list[str] = []
    found = run("5.1", folders(tmp_path, plans.STREETS, each=24, value=damaged), log)
    taught = [line.split() for line in log if line.startswith("F-SVM")]
    assert {int(line[1]) for line in taught} >= {4, 8}  # of both labels together: 2 and 4 a class
    assert all(int(line[1]) in (4, 8, 16, 32, 64, 128, 256) for line in taught if int(line[1]) <= 16)
    assert any(one.ours is not None for one in found.results)


def test_methods_of_one_row_are_tested_on_the_same_clips(tmp_path: Path) -> None:
    class Picky(Told):
        def read(self, item: Item) -> float:
            if Path(item.path).stem in "0123456789" and int(Path(item.path).stem) % 2:
                raise Damaged("cannot be read by this one")
            return super().read(item)

    data = folders(tmp_path, plans.STREETS, each=24)
    planned, log = plan("5.1"), []
    make = lambda name: (Picky if name == "Xcept" else Told)(name, log)  # noqa: E731
    found = runner.run(planned, layout.gather(data, planned.roles), make)
    notes = {one.note for one in found.results if one.ours is not None}
    assert any("that all methods of the row could read" in note for note in notes)
    counts = {(one.row, one.column): set() for one in found.results}
    for one in found.results:
        if one.ours is not None:
            counts[one.row, one.column].add(one.ours.n)
    assert all(len(each) <= 1 for each in counts.values())
