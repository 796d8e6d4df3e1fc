"""Is a question about a photo answered as the thesis says, with the bundled models and a gallery made by code?"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from sightcheck import ask
from sightcheck.errors import UsageError
from sightcheck.place import country, embedding, examine, matching, plausible
from sightcheck.place.city import FEWEST
from sightcheck.place.references.gallery import Gallery, fingerprint
from sightcheck.place.world.gazetteer import parse
from sightcheck.report.wording import next_step
from sightcheck.verdict import Calibration, Evidence

ROME = "Rome, Italy"


def drawn(seed: int) -> np.ndarray:
    """(300, 400, 3) uint8: blocks of several sizes, another picture for every seed."""
    random = np.random.default_rng(seed)
    layers = [np.kron(random.uniform(0, 255, (300 // k, 400 // k, 3)), np.ones((k, k, 1))) for k in (100, 50, 10)]
    return np.mean(layers, axis=0).astype(np.uint8)


def saved(path: Path, seed: int) -> Path:
    Image.fromarray(drawn(seed)).save(path, quality=92)
    return path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose gallery holds FEWEST + 2 pictures for Rome, and a query that is none of them."""
    home = tmp_path_factory.mktemp("home")
    folder = home / "rome"
    folder.mkdir()
    for seed in range(FEWEST + 2):
        saved(folder / f"{seed}.jpg", seed)
    with Gallery(home / "gallery.sqlite") as gallery:
        assert len(gallery.add(parse(ROME), folder).added) == FEWEST + 2
    saved(home / "query.jpg", 1000)
    return home


def of(report: ask.Report, method: str) -> Evidence:
    return next(item for item in report.verdicts[0].evidence if item.method == method)


def asked(home: Path, claim: str | None, photo: str = "query.jpg", **more: bool) -> ask.Report:
    return ask.photo(home / photo, claim, gallery=Gallery(home / "gallery.sqlite"), **more)


def test_without_a_claim_nothing_is_verified_and_countries_are_named(home: Path) -> None:
    report = asked(home, None)
    assert report.verdicts[0].answer == "undecided"
    assert report.claim is None
    shares = of(report, "country").shares
    assert sum(one.probability for one in shares) == pytest.approx(1, abs=1e-4)
    assert [one.probability for one in shares] == sorted((one.probability for one in shares), reverse=True)
    assert {item.method for item in report.verdicts[0].evidence} - {"writing"} == {"country", "metadata"}


def test_a_country_that_was_never_taught_is_not_covered(home: Path) -> None:
    found = of(asked(home, "Kenya"), "country")
    assert "not covered" in found.sentence
    assert found.log10_lr is None
    assert "KE" not in {one.code for one in found.shares}


def test_a_claimed_country_gets_a_ratio_within_its_bound(home: Path) -> None:
    found = of(asked(home, "Italy"), "country")
    fitted = embedding.reader().countries.claimed
    if fitted is None:
        assert found.log10_lr is None, "what informs nothing on sources held out gives no ratio"
    else:
        assert found.log10_lr is not None
        assert abs(found.log10_lr) <= fitted.bound


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda picture: picture.resize((90, 70)), "90 x 70"),
        (lambda picture: picture.convert("L"), "no colour"),
        (lambda picture: picture.point(lambda value: 100 + value // 20), "no contrast"),
    ],
)
def test_a_photo_unlike_the_calibration_gets_no_ratio(home: Path, change: Callable, why: str) -> None:
    change(Image.open(home / "query.jpg")).save(home / "odd.png")
    report = asked(home, "Italy", "odd.png")
    found = of(report, "country")
    assert found.log10_lr is None
    assert any(why in limit for limit in found.limits)
    assert report.verdicts[0].answer == "undecided"


def test_a_city_without_references_says_how_to_add_them(home: Path) -> None:
    found = of(asked(home, "Berlin, Germany"), "city")
    assert "sightcheck gallery add" in found.sentence
    assert found.log10_lr is None


def gated(home: Path, monkeypatch: pytest.MonkeyPatch, passes: bool, by: str = "city") -> Evidence:
    monkeypatch.setattr(examine, "gate", lambda *_: passes)
    names = embedding.Names(city=by)
    reader = embedding.reader(names)
    with Gallery(home / f"{by}.sqlite", reader.reference, reader.key) as gallery:
        gallery.add(parse(ROME), home / "rome")
        report = ask.photo(home / "query.jpg", ROME, gallery, names)
    return of(report, by)


@pytest.mark.parametrize("by", ["city", "pairs"])
def test_a_closed_gate_is_told_and_silences_nothing(home: Path, monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    shut, opened = (gated(home, monkeypatch, passes, by) for passes in (False, True))
    assert shut.references
    assert shut.score == opened.score
    assert any("by the rule of the thesis the claim is not verified" in one for one in shut.limits)
    assert not any("rule of the thesis" in one for one in opened.limits)
    assert shut.log10_lr is None or shut.log10_lr <= examine.WEAK


def test_a_gate_holds_what_speaks_for_a_city_at_weak(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = embedding.reader()
    monkeypatch.setattr(reader, "margin", Calibration(0.0, 1.9, 2.0, 99, 99))
    assert gated(home, monkeypatch, passes=True).log10_lr == pytest.approx(1.9)
    assert gated(home, monkeypatch, passes=False).log10_lr == pytest.approx(examine.WEAK)


def test_a_photo_that_taught_gets_no_ratio(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert gated(home, monkeypatch, passes=True).log10_lr is not None
    query = fingerprint(np.asarray(Image.open(home / "query.jpg")))
    monkeypatch.setattr(embedding.reader(), "taught", np.array([query], np.uint64))
    found = gated(home, monkeypatch, passes=True)
    assert found.log10_lr is None
    assert any("learned from it" in one for one in found.limits)
    report = asked(home, ROME)
    assert "learned from this photo" in next_step(report.file, report.verdicts[0])


def test_the_nearest_references_speak(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = gated(home, monkeypatch, passes=True)
    assert len(found.references) == FEWEST + 2
    likeness = [one.similarity for one in found.references]
    assert likeness == sorted(likeness, reverse=True)
    assert all(0 <= one.same <= 1 for one in found.references)
    assert found.score is not None
    assert f"{found.score:+.2f}" in found.sentence


def test_the_vote_is_the_weighted_sum_over_all_references(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = gated(home, monkeypatch, passes=True, by="pairs")
    assert len(found.references) == FEWEST + 2
    weights = np.array([one.similarity for one in found.references])
    same = np.array([one.same for one in found.references])
    assert found.score == pytest.approx(float((weights * (2 * same - 1)).sum() / weights.sum()), abs=1e-6)
    assert list(weights) == sorted(weights, reverse=True)


def test_a_near_copy_is_told_first_and_does_not_vote(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examine, "gate", lambda *_: True)
    Image.open(home / "rome/3.jpg").resize((320, 240)).save(home / "copy.jpg", quality=60)
    report = asked(home, ROME, "copy.jpg")
    assert report.verdicts[0].evidence[0].method == "near copies"
    assert [one.name for one in report.verdicts[0].evidence[0].references] == ["3.jpg"]
    assert "3.jpg" not in {one.name for one in of(report, "city").references}


def test_the_right_country_alone_never_makes_the_city(home: Path) -> None:
    ratio = of(asked(home, "Berlin, Germany"), "country").log10_lr
    assert ratio is None or ratio <= 0


def test_the_same_photo_gives_the_same_reading(home: Path) -> None:
    reader = embedding.reader()
    one, two = reader.embed(drawn(7)), reader.embed(drawn(7))
    assert np.array_equal(one.vector, two.vector)
    logits = reader.crop_logits(country.five_crops(drawn(7)))
    wanted = country.fused(logits, temperature=reader.countries.temperature)
    assert np.allclose(one.countries, wanted, atol=1e-6)
    assert one.scenes.shape == (16,)
    assert one.places.sum() == pytest.approx(1, abs=1e-4)


def test_heat_is_the_fall_of_log_odds_when_a_part_is_hidden(home: Path) -> None:
    heat = of(asked(home, "Italy", heat=True), "country").heat
    assert heat is not None
    assert len(heat.values) == plausible.CELLS**2
    assert "Italy" in heat.meaning
    flat = plausible.occlusion(np.full((256, 256, 3), 90, np.uint8), embedding.reader(), 0, b"")
    assert np.allclose(flat.values, 0, atol=1e-5)


@pytest.mark.parametrize("inset", [False, True])
def test_a_composite_is_made_of_both_photos(inset: bool) -> None:
    red, blue = (np.full((300, 400, 3), colour, np.uint8) for colour in ((255, 0, 0), (0, 0, 255)))
    made = plausible.composite(red, blue, embedding.reader(), inset).pixels
    assert {tuple(colour) for colour in made.reshape(-1, 3).tolist()} == {(255, 0, 0), (0, 0, 255)}


def test_an_unknown_city_is_refused_before_the_photo_is_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Berlin"):
        ask.photo(tmp_path / "missing.jpg", "Berlln")


def test_the_command_prints_one_document_and_counts_failures(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "bad.jpg").write_bytes(b"")
    command = [sys.executable, "-c", "from sightcheck.cli.app import main; main()", "photo", "query.jpg", "bad.jpg"]
    monkeypatch.setenv("SIGHTCHECK_HOME", str(home / "other"))
    done = subprocess.run([*command, "--claim", "Italy", "--json", "--html", "r.html"], cwd=home, capture_output=True)
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found["reports"][0]["file"]["kind"] == "photo"
    assert found["reports"][0]["claim"]["country"] == "IT"
    assert [one["path"] for one in found["failed"]] == ["bad.jpg"]
    assert "<script" not in (home / "r.html").read_text()


def turned(path: Path, seed: int) -> None:
    """A picture from another side."""
    turn = np.array([[0.9, -0.12, 30.0], [0.15, 0.85, 10.0], [2e-4, -1e-4, 1.0]])
    Image.fromarray(cv2.warpPerspective(drawn(seed), turn, (400, 300), borderMode=cv2.BORDER_REFLECT)).save(path)


def test_a_photo_of_what_a_reference_shows_is_recognised(home: Path) -> None:
    turned(home / "turned.png", 3)
    report = asked(home, ROME, "turned.png")
    found = of(report, "matches")
    scale = matching.bundled()[1]
    assert found.matches[0].reference.name == "3.jpg"
    assert found.score == len(found.matches[0].points)
    assert found.log10_lr == scale.log10_lr(int(found.score))
    assert found.log10_lr is not None
    assert report.verdicts[0].log10_lr == found.log10_lr
    assert [one.method for one in report.verdicts[0].evidence][:2] == ["matches", "city"]
    assert asked(home, ROME, "turned.png").verdicts == report.verdicts


def test_what_no_reference_shows_is_not_denied(home: Path) -> None:
    random = np.random.default_rng(
        0
    )  # of no blocks: one corner of a block looks like another, and some agree by chance
    cells = [random.uniform(0, 255, (300 // k, 400 // k, 3)).astype(np.float32) for k in (60, 25, 12)]
    soft = np.mean([cv2.resize(one, (400, 300), interpolation=cv2.INTER_CUBIC) for one in cells], axis=0)
    Image.fromarray(np.clip(soft, 0, 255).astype(np.uint8)).save(home / "unknown.png")
    found = of(asked(home, ROME, "unknown.png"), "matches")
    assert found.log10_lr is None
    assert not found.matches
    assert "says nothing against the claim" in found.sentence


def test_near_copies_are_told_by_their_own_evidence(home: Path) -> None:
    report = asked(home, ROME, "rome/3.jpg")
    assert of(report, "near copies").references
    assert "3.jpg" not in [one.reference.name for one in of(report, "matches").matches]


def test_a_flat_photo_has_nothing_to_match(home: Path) -> None:
    Image.new("RGB", (400, 300), "grey").save(home / "flat.png")
    found = of(asked(home, ROME, "flat.png"), "matches")
    assert found.score == 0
    assert any("too little detail" in limit for limit in found.limits)
