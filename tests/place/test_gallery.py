"""Does the gallery keep each reference photo once, whole, and nothing that is not one?"""

import contextlib
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from sightcheck.errors import BrokenInstallation, Damaged, InputError, NotMedia, OutputError, OverLimit, UsageError
from sightcheck.place.embedding import Embedding
from sightcheck.place.references import export as exports
from sightcheck.place.references import store
from sightcheck.place.references.gallery import Gallery, fingerprint, near
from sightcheck.place.world import gazetteer
from sightcheck.place.world.gazetteer import Claim

BERLIN = Claim("Berlin", "Berlin", "Land Berlin", "DE", "Germany", 52.52, 13.41, 15.0, 2950159)
ROME = Claim("Rome", "Rome", "Lazio", "IT", "Italy", 41.89, 12.51, 20.0, 3169070)
GERMANY = Claim("Germany", "", "", "DE", "Germany", 51.5, 10.5, 400.0, 2921044)


def texture(seed: int, height: int = 300, width: int = 400) -> np.ndarray:
    """(H, W, 3) uint8: broad shapes and some grain, another for every seed."""
    rng = np.random.default_rng(seed)
    broad = cv2.resize(rng.uniform(0, 255, (6, 8, 3)), (width, height), interpolation=cv2.INTER_CUBIC)
    fine = cv2.resize(rng.normal(0, 20, (height // 4, width // 4, 3)), (width, height))
    return (broad + fine).clip(0, 255).astype(np.uint8)


def save(path: Path, pixels: np.ndarray, quality: int = 95) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality] * (path.suffix == ".jpg"))
    return path


def embed(pixels: np.ndarray, first: float = 0.0) -> Embedding:
    """Stands in for the networks: a grey 8 x 8 picture, and what it was told."""
    small = cv2.resize(pixels, (8, 8), interpolation=cv2.INTER_AREA).mean(2).ravel().astype(np.float32) / 255
    return Embedding(small, np.full(16, first, np.float32), np.zeros(365, np.float32), np.full(21, 1 / 21, np.float32))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed in range(4):
        save(tmp_path / f"photos/{seed}.jpg", texture(seed))
    return tmp_path / "photos"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "home/gallery.sqlite"


def opened(file: Path, key: str = "one", embedder: Callable[[np.ndarray], Embedding] = embed) -> Gallery:
    return Gallery(file, embedder, key)


def test_photos_are_kept_once_with_what_was_said_of_them(folder: Path, file: Path) -> None:
    calls: list[tuple[int, int]] = []
    with opened(file) as gallery:
        first = gallery.add(BERLIN, folder, "CC BY 4.0", "a friend", lambda *at: calls.append(at))
        again = gallery.add(BERLIN, folder)
        found = gallery.references(BERLIN.geoname_id)
        [city] = gallery.cities()
        jpeg = gallery.jpeg(BERLIN.geoname_id, found.photographs[1].sha256)
    assert first.added == ("0.jpg", "1.jpg", "2.jpg", "3.jpg") == again.already
    assert (again.added, first.skipped, again.near_copies) == ((), (), ())
    assert calls == [(0, 4), (1, 4), (2, 4), (3, 4)]
    assert (city.label, city.photos, city.licences) == (BERLIN.label, 4, (("CC BY 4.0", 4),))
    assert [one.sha256 for one in found.photographs] == [
        hashlib.sha256((folder / f"{at}.jpg").read_bytes()).hexdigest() for at in range(4)
    ]
    assert {(one.licence, one.origin) for one in found.photographs} == {("CC BY 4.0", "a friend")}
    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert min(pixels.shape[:2]) == 256
    np.testing.assert_allclose(found.vectors[1], embed(pixels).vector, atol=1e-6)
    assert [one.shape for one in (found.vectors, found.scenes, found.places, found.countries)] == [
        (4, 64), (4, 16), (4, 365), (4, 21),
    ]  # fmt: skip


def test_a_city_without_photos_has_no_references_and_reading_makes_no_file(file: Path) -> None:
    with opened(file) as gallery:
        found = gallery.references(BERLIN.geoname_id)
        assert gallery.cities() == gallery.photographs(BERLIN.geoname_id) == found.photographs == ()
        assert len(found.vectors) == len(near(found, 1)) == 0
        with pytest.raises(UsageError, match=r"no photo of Berlin.*gallery list"):
            gallery.remove(BERLIN)
        with pytest.raises(UsageError, match="no photo"):
            gallery.export(BERLIN, file)
    assert not file.exists()


def test_a_country_and_what_is_no_folder_of_photos_are_refused(folder: Path, file: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with opened(file) as gallery:
        with pytest.raises(UsageError, match=r"Germany names no city"):
            gallery.add(GERMANY, folder)
        for wrong in (tmp_path / "nowhere", folder / "0.jpg"):
            with pytest.raises(UsageError, match="is not a folder"):
                gallery.add(BERLIN, wrong)
        with pytest.raises(UsageError, match="holds no visible files"):
            gallery.add(BERLIN, tmp_path / "empty")


def test_what_is_no_photo_is_named_and_the_others_are_added(folder: Path, file: Path, tmp_path: Path) -> None:
    (folder / "notes.txt").write_text("not a photo")
    (folder / "empty.jpg").touch()
    (folder / "cut.jpg").write_bytes((folder / "0.jpg").read_bytes()[:400])
    (folder / ".hidden.txt").write_text("x")
    save(folder / "deep/er/five.png", texture(5))
    outside = save(tmp_path / "outside/six.jpg", texture(6))
    (folder / "out.jpg").symlink_to(outside)
    (folder / "outdir").symlink_to(outside.parent)
    (folder / "in.jpg").symlink_to(folder / "0.jpg")
    (folder / "loop").symlink_to(folder / "loop")
    os.mkfifo(folder / "pipe.jpg")
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\x1b[31m.jpg")).write_bytes((folder / "1.jpg").read_bytes())
    (folder / "1.jpg").unlink()
    with opened(file) as gallery:
        found = gallery.add(BERLIN, folder)
        names = [one.name for one in gallery.photographs(BERLIN.geoname_id)]
    assert (
        sorted(found.added) == sorted(names) == ["0.jpg", "2.jpg", "3.jpg", "\\udcff\x1b[31m.jpg", "deep/er/five.png"]
    )
    why = {one.name: one.why for one in found.skipped}
    assert why.keys() == {"notes.txt", "empty.jpg", "cut.jpg", "out.jpg", "outdir", "pipe.jpg"}
    assert why["out.jpg"] == why["outdir"] == "is a link that leads out of the folder; copy the photo here"
    assert why["pipe.jpg"] == "is no regular file"


def test_a_near_copy_is_kept_out_and_a_photo_of_two_cities_is_told(folder: Path, file: Path, tmp_path: Path) -> None:
    save(folder / "copy.jpg", cv2.resize(texture(2), (200, 150), interpolation=cv2.INTER_AREA), 30)
    with opened(file) as gallery:
        first = gallery.add(BERLIN, folder)
        second = gallery.add(ROME, folder)
    assert [(one.name, one.why) for one in first.near_copies] == [("copy.jpg", "2.jpg")]
    assert first.elsewhere == ()
    assert {(one.name, one.why) for one in second.elsewhere} == {(f"{at}.jpg", BERLIN.label) for at in range(4)}
    assert len(second.added) == 4


def test_flat_pictures_are_near_copies_of_nothing(file: Path, tmp_path: Path) -> None:
    for level in (10, 200):
        save(tmp_path / f"flat/{level}.png", np.full((64, 64, 3), level, np.uint8))
    with opened(file) as gallery:
        assert len(gallery.add(BERLIN, tmp_path / "flat").added) == 2
        found = gallery.references(BERLIN.geoname_id)
    assert found.fingerprints.tolist() == [0, 0]
    assert len(near(found, 0)) == 0


def test_fingerprints_of_copies_are_near_and_of_others_far() -> None:
    for seed in range(30):
        pixels = texture(seed)
        half = cv2.resize(pixels, (200, 150), interpolation=cv2.INTER_AREA)
        worse = cv2.imdecode(cv2.imencode(".jpg", half, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], cv2.IMREAD_COLOR)
        assert (fingerprint(pixels) ^ fingerprint(worse)).bit_count() <= 6
        assert fingerprint(np.frombuffer(pixels.tobytes(), np.uint8).reshape(pixels.shape)) == fingerprint(pixels)
    bits = [fingerprint(texture(seed)) for seed in range(30)]
    assert min((a ^ b).bit_count() for at, a in enumerate(bits) for b in bits[:at]) > 6


def test_near_finds_the_rows_within_six_bits_the_nearest_first(folder: Path, file: Path) -> None:
    with opened(file) as gallery:
        gallery.add(BERLIN, folder)
        found = gallery.references(BERLIN.geoname_id)
    bits = int(found.fingerprints[2])
    assert near(found, bits).tolist() == near(found, bits ^ 0b111111).tolist() == [2]
    assert near(found, bits ^ 0b1111111).tolist() == []


def test_another_model_embeds_anew_from_what_is_kept_and_only_once(folder: Path, file: Path) -> None:
    with opened(file) as gallery:
        gallery.add(BERLIN, folder)
        before = gallery.references(BERLIN.geoname_id)
    calls: list[tuple[int, int]] = []
    with opened(file, "two", lambda pixels: embed(pixels, 2.0)) as gallery:
        after = gallery.references(BERLIN.geoname_id, lambda *at: calls.append(at))
    with opened(file, "two", lambda pixels: pytest.fail("embedded again")) as gallery:
        kept = gallery.references(BERLIN.geoname_id)
    assert calls == [(0, 4), (1, 4), (2, 4), (3, 4)]
    assert before.scenes.max() == 0
    assert after.scenes.min() == kept.scenes.min() == 2
    np.testing.assert_array_equal(after.vectors, before.vectors)
    assert after.photographs == kept.photographs == before.photographs


def test_remove_takes_a_name_or_the_beginning_of_a_hash(folder: Path, file: Path) -> None:
    with opened(file) as gallery:
        gallery.add(BERLIN, folder)
        photos = gallery.photographs(BERLIN.geoname_id)
        assert gallery.remove(BERLIN, "1.jpg") == ("1.jpg",)
        assert gallery.remove(BERLIN, photos[2].sha256[:8].upper()) == ("2.jpg",)
        for nothing in ("1.jpg", "", photos[0].sha256[:3]):
            with pytest.raises(UsageError, match="the gallery has no photo"):
                gallery.remove(BERLIN, nothing)
        assert gallery.remove(BERLIN) == ("0.jpg", "3.jpg")
        assert gallery.cities() == ()
    with sqlite3.connect(file) as db:
        assert [db.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("picture", "embedding", "city")] == [
            0
        ] * 3


def test_remove_refuses_a_name_of_two(folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(file) as gallery:
        gallery.add(BERLIN, folder)
        with gallery._store.writing():
            gallery._store.rows("UPDATE photo SET name = 'same.jpg' WHERE id < 3")
        with pytest.raises(UsageError, match=r"'same.jpg' means 2 photos of Berlin"):
            gallery.remove(BERLIN, "same.jpg")
        assert len(gallery.photographs(BERLIN.geoname_id)) == 4


# Export and import.


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gazetteer, "candidates", lambda text: (ROME, BERLIN) if text == BERLIN.label else ())


@pytest.fixture
def exported(folder: Path, file: Path, tmp_path: Path) -> Path:
    with opened(file) as gallery:
        gallery.add(BERLIN, folder, "CC0", "here")
        assert gallery.export(BERLIN, tmp_path / "berlin.zip") == 4
    return tmp_path / "berlin.zip"


@pytest.mark.usefixtures("known")
def test_an_export_comes_in_whole_and_only_once(exported: Path, file: Path, tmp_path: Path) -> None:
    first = exported.read_bytes()
    with opened(file) as gallery:
        assert gallery.import_(exported).already == ("0.jpg", "1.jpg", "2.jpg", "3.jpg")
        gallery.export(BERLIN, exported)
        before = gallery.references(BERLIN.geoname_id)
    assert exported.read_bytes() == first
    with opened(tmp_path / "other/gallery.sqlite", "two") as gallery:
        assert len(gallery.import_(exported).added) == 4
        assert len(gallery.import_(exported).already) == 4
        after = gallery.references(BERLIN.geoname_id)
        assert gallery.cities()[0].licences == (("CC0", 4),)
    assert [one.sha256 for one in after.photographs] == [one.sha256 for one in before.photographs]
    np.testing.assert_allclose(after.vectors, before.vectors, atol=0.01)
    with zipfile.ZipFile(exported) as archive:
        assert len(archive.namelist()) == 5
        assert all(
            cv2.imdecode(np.frombuffer(archive.read(n), np.uint8), 1) is not None for n in archive.namelist()[1:]
        )


def rewritten(path: Path, change: Callable[[dict[str, bytes]], object], method: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def manifest(members: dict[str, bytes], change: Callable[[dict[str, Any]], object]) -> None:
    told = json.loads(members["manifest.json"])
    change(told)
    members["manifest.json"] = json.dumps(told).encode()


def first_photo(members: dict[str, bytes]) -> str:
    return next(name for name in members if name.startswith("photos/"))


HOSTILE: dict[str, tuple[Callable[[dict[str, bytes]], object], type[Exception], str]] = {
    "path that climbs": (lambda m: m.update({"../../evil.jpg": b"x"}), Damaged, "exactly the photos"),
    "absolute path": (lambda m: m.update({"/tmp/evil.jpg": b"x"}), Damaged, "exactly the photos"),
    "one photo missing": (lambda m: m.pop(first_photo(m)), Damaged, "exactly the photos"),
    "no manifest": (lambda m: m.pop("manifest.json"), NotMedia, "no manifest"),
    "manifest is no JSON": (lambda m: m.update({"manifest.json": b"{"}), Damaged, "malformed"),
    "manifest of another kind": (lambda m: m.update({"manifest.json": b"[1, 2]"}), Damaged, "malformed"),
    "newer version": (lambda m: manifest(m, lambda t: t.update(version=2)), Damaged, "malformed"),
    "hash that is a path": (lambda m: manifest(m, lambda t: t["photos"][0].update(sha256="../" * 20)), Damaged, "malf"),
    "long name": (lambda m: manifest(m, lambda t: t["photos"][0].update(name="n" * 2000)), Damaged, "malformed"),
    "photo named twice": (lambda m: manifest(m, lambda t: t["photos"].append(t["photos"][0])), Damaged, "exactly"),
    "photo too large": (lambda m: m.update({first_photo(m): bytes(5 << 20)}), OverLimit, "unpacks to"),
    "unknown city": (lambda m: manifest(m, lambda t: t.update(city="Atlantis")), UsageError, "Atlantis"),
    "number of another city": (lambda m: manifest(m, lambda t: t.update(geoname_id=5)), UsageError, "gazetteer"),
}


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_export_is_refused_whole(case: str, exported: Path, tmp_path: Path) -> None:
    change, kind, sentence = HOSTILE[case]
    rewritten(exported, change, zipfile.ZIP_DEFLATED)
    with opened(tmp_path / "fresh.sqlite") as gallery, pytest.raises(kind, match=sentence):
        gallery.import_(exported)
    assert not (tmp_path / "fresh.sqlite").exists()


@pytest.mark.usefixtures("known")
def test_hostile_zips_are_refused(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path / "fresh.sqlite") as gallery:
        data = exported.read_bytes()
        for name, content in (("text", b"not a zip"), ("empty", b""), ("cut", data[:-30])):
            (tmp_path / name).write_bytes(content)
            with pytest.raises(NotMedia, match="not a zip file"):
                gallery.import_(tmp_path / name)
        with pytest.raises(InputError, match="cannot be read"):
            gallery.import_(tmp_path / "nowhere.zip")
        with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(exported, "a") as archive:
            archive.writestr("manifest.json", b"{}")
        with pytest.raises(InputError):
            gallery.import_(exported)
        rewritten(exported, lambda members: None, zipfile.ZIP_LZMA)
        with pytest.raises(NotMedia, match="unusual"):
            gallery.import_(exported)
        with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
            for number in range(exports.MOST_PHOTOS + 2):
                archive.writestr(zipfile.ZipInfo(f"{number}"), b"")
        with pytest.raises(OverLimit, match="more than 20,000 photos"):
            gallery.import_(tmp_path / "many.zip")
    monkeypatch.setattr(exports, "MOST_BYTES", 100)
    members = [zipfile.ZipInfo("a"), zipfile.ZipInfo("b")]
    for member in members:
        member.file_size = 60
    with pytest.raises(OverLimit, match="unpacks"):
        exports._check_sizes(members)


@pytest.mark.usefixtures("known")
def test_what_is_no_jpeg_or_damaged_inside_an_export_is_skipped(exported: Path, tmp_path: Path) -> None:
    rewritten(exported, lambda members: members.update({first_photo(members): b"<svg/>"}))
    data = bytearray(exported.read_bytes())
    with zipfile.ZipFile(exported) as archive:
        data[archive.infolist()[2].header_offset + 500] ^= 0xFF
    exported.write_bytes(data)
    with opened(tmp_path / "fresh.sqlite") as gallery:
        found = gallery.import_(exported)
    assert [one.name for one in found.skipped] == ["0.jpg", "1.jpg"]
    assert found.added == ("2.jpg", "3.jpg")


def test_a_member_that_unpacks_to_more_than_it_states_is_cut_off(exported: Path, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("photos/x.jpg", bytes(64 << 20))
    data = bomb.read_bytes().replace((64 << 20).to_bytes(4, "little"), (1 << 10).to_bytes(4, "little"))
    bomb.write_bytes(data)
    with zipfile.ZipFile(bomb) as archive, pytest.raises(Damaged):
        exports._member(archive, "photos/x.jpg")


# The store.


def test_a_file_that_is_not_ours_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE mine (x)")
    db.close()
    (tmp_path / "text.sqlite").write_text("this is a text, not a database, and long enough to be read as one " * 20)
    for path, sentence in ((other, "another program's file"), (tmp_path / "text.sqlite", "is damaged")):
        before = path.read_bytes()
        with opened(path) as gallery, pytest.raises(BrokenInstallation, match=sentence):
            gallery.cities()
        with opened(path) as gallery, pytest.raises(BrokenInstallation, match=sentence), gallery._store.writing():
            pass
        assert path.read_bytes() == before


def test_a_newer_store_and_a_damaged_one_are_refused(folder: Path, file: Path) -> None:
    with opened(file) as gallery:
        gallery.add(BERLIN, folder)
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA user_version = 2")
    db.close()
    with opened(file) as gallery, pytest.raises(BrokenInstallation, match="newer sightcheck"):
        gallery.cities()
    data = bytearray(file.read_bytes())
    data[60:64] = (store.VERSION).to_bytes(4, "big")
    file.write_bytes(data[:4096] + bytes(len(data) - 4096))
    with opened(file) as gallery, pytest.raises(BrokenInstallation, match="is damaged"):
        gallery.references(BERLIN.geoname_id)
    file.write_bytes(data[:6000])
    with opened(file) as gallery, pytest.raises(BrokenInstallation, match="is damaged"):
        gallery.references(BERLIN.geoname_id)


def test_embeddings_of_several_lengths_are_damage(folder: Path, file: Path) -> None:
    with opened(file) as gallery:
        gallery.add(BERLIN, folder)
        with gallery._store.writing():
            gallery._store.rows("UPDATE embedding SET vector = x'00000000' WHERE id = 2")
        with pytest.raises(BrokenInstallation, match="several lengths"):
            gallery.references(BERLIN.geoname_id)


def test_a_kept_picture_that_changed_on_the_disk_is_damage(folder: Path, file: Path) -> None:
    with opened(file) as gallery:
        gallery.add(BERLIN, folder)
        with gallery._store.writing():
            gallery._store.rows("UPDATE picture SET jpeg = x'00FF' WHERE id = 3")
    with opened(file, "two") as gallery, pytest.raises(BrokenInstallation, match="cannot be decoded"):
        gallery.references(BERLIN.geoname_id)


def test_a_store_that_cannot_be_written_is_one_sentence(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("")
    with opened(tmp_path / "blocked/gallery.sqlite") as gallery, pytest.raises(OutputError, match="SIGHTCHECK_HOME"):
        gallery.add(BERLIN, folder)
    with opened(tmp_path) as gallery, pytest.raises(OutputError, match="SIGHTCHECK_HOME"):
        gallery.cities()


def test_a_writer_that_waits_too_long_is_told(folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "WAIT_S", 0.05)
    with opened(file) as gallery:
        gallery.add(BERLIN, folder)
        with gallery._store.writing(), opened(file) as other:
            assert len(other.cities()) == 1  # readers never wait
            with pytest.raises(OutputError, match="being written by another program"):
                other.remove(BERLIN)


WRITER = """
import sys, time
sys.path.insert(0, {tests!r})
import test_gallery as t
from pathlib import Path
def embed(pixels):
    time.sleep({pause})
    return t.embed(pixels)
with t.opened(Path(sys.argv[1]), embedder=embed) as gallery:
    found = gallery.add(t.BERLIN, sys.argv[2], progress=lambda *at: print(*at, flush=True))
print(len(found.added), len(found.already), len(found.near_copies), len(found.skipped))
"""


def writer(file: Path, folder: Path, pause: float, errors: int | None = None) -> "subprocess.Popen[str]":
    code = WRITER.format(tests=str(Path(__file__).parent), pause=pause)
    return subprocess.Popen(
        [sys.executable, "-c", code, file, folder], stdout=subprocess.PIPE, stderr=errors, text=True
    )


def check(file: Path, photos: int) -> None:
    with sqlite3.connect(file) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        for table in ("photo", "picture", "embedding"):
            assert db.execute(f"SELECT count(*) FROM {table}").fetchone() == (photos,)
    db.close()


def test_two_writers_at_once_keep_each_photo_once(file: Path, tmp_path: Path) -> None:
    for seed in range(16):
        save(tmp_path / f"photos/{seed:02}.jpg", texture(seed, 60, 80))
        save(tmp_path / f"photos/{seed:02}-copy.png", texture(seed, 60, 80))
    writers = [writer(file, tmp_path / "photos", 0.01) for _ in range(2)]
    outputs = [one.communicate(timeout=60)[0].splitlines()[-1] for one in writers]
    assert [one.returncode for one in writers] == [0, 0]
    counts = np.array([list(map(int, output.split())) for output in outputs])
    assert counts[:, 0].sum() == 16
    assert counts.sum(1).tolist() == [32, 32]
    assert counts[:, 3].tolist() == [0, 0]
    check(file, 16)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_stop_loses_at_most_the_photo_in_hand_and_the_next_run_goes_on(
    how: signal.Signals, file: Path, tmp_path: Path
) -> None:
    for seed in range(12):
        save(tmp_path / f"photos/{seed:02}.jpg", texture(seed, 60, 80))
    one = writer(file, tmp_path / "photos", 0.03, subprocess.DEVNULL)
    assert one.stdout is not None
    while one.stdout.readline() != "5 12\n":
        assert one.poll() is None
    one.send_signal(how)
    one.communicate(timeout=20)
    assert one.returncode != 0
    with opened(file) as gallery:
        kept = len(gallery.photographs(BERLIN.geoname_id))
        assert 5 <= kept < 12
        found = gallery.add(BERLIN, tmp_path / "photos")
    assert (len(found.already), len(found.added)) == (kept, 12 - kept)
    check(file, 12)


def forked(work: Callable[[], object]) -> int:
    """Process id of a child that does the work and ends with 0, or with 1 when it raises."""
    if child := os.fork():
        return child
    with contextlib.suppress(BaseException):
        work()
        os._exit(0)
    os._exit(1)


def make(file: Path) -> None:
    kept = store.Store(file)
    with kept.writing():
        kept.rows("INSERT OR IGNORE INTO city VALUES (?, 'a', 'b', 'c')", os.getpid())
    kept.close()


def test_a_kill_while_the_store_is_made_leaves_one_that_can_be_used(tmp_path: Path) -> None:
    for number in range(30):
        file = tmp_path / f"{number}.sqlite"
        child = forked(lambda file=file: make(file))
        time.sleep(number * 0.0005)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        make(file)
        check(file, 0)


def test_many_make_the_store_at_once(tmp_path: Path) -> None:
    for number in range(5):
        file = tmp_path / f"{number}.sqlite"
        children = [forked(lambda file=file: make(file)) for _ in range(8)]
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * 8
        make(file)
        check(file, 0)
        with sqlite3.connect(file) as db:
            assert db.execute("SELECT count(*) FROM city").fetchone() == (9,)


def test_ten_thousand_references_load_fast(file: Path) -> None:
    count, rng = 10_000, np.random.default_rng(0)
    with opened(file) as gallery:
        rows, kept = gallery._store.rows, gallery._store
        with kept.writing():
            rows("INSERT INTO city VALUES (?, ?, ?, ?)", BERLIN.geoname_id, "Berlin, Germany", "Berlin", "Germany")
            for at in range(count):
                bits, parts = rng.bytes(8), [rng.bytes(4 * width) for width in (64, 16, 365, 21)]
                values = (at, BERLIN.geoname_id, f"{at:064x}", f"{at}.jpg", bits, "", "", "2030-01-01T00:00:00+00:00")
                rows("INSERT INTO photo VALUES (?, ?, ?, ?, ?, ?, ?, ?)", *values)
                rows("INSERT INTO picture VALUES (?, ?)", at, bytes(20_000))
                rows("INSERT INTO embedding VALUES (?, 'one', ?, ?, ?, ?)", at, *parts)
    with opened(file) as gallery:
        started = time.perf_counter()
        found = gallery.references(BERLIN.geoname_id)
        loaded = time.perf_counter() - started
        close = near(found, int(found.fingerprints[7]) ^ 1)
        looked = time.perf_counter() - started - loaded
    print(f"10,000 references: loaded in {loaded:.3f} s, near copies in {looked * 1000:.1f} ms")
    assert found.vectors.shape == (count, 64)
    assert close[0] == 7
    assert loaded < 3
    assert looked < 0.2


# The commands.


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    from sightcheck.cli import gallery as gallery_cli
    from sightcheck.place import embedding

    monkeypatch.setenv("SIGHTCHECK_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(embedding, "embed", embed, raising=False)
    monkeypatch.setattr(embedding, "model_key", lambda: "one", raising=False)

    def run(*arguments: object) -> tuple[int, str, str]:
        done = CliRunner().invoke(gallery_cli.gallery_app, [*map(str, arguments)])
        return done.exit_code, done.stdout, done.stderr

    return run


def test_the_commands_say_what_became_of_the_photos(
    call: Callable[..., tuple[int, str, str]], folder: Path, tmp_path: Path
) -> None:
    for number in range(7):
        (folder / f"note{number}.txt").write_text("x")
    status, said, error = call("add", "Berlin, Germany", folder, "--licence", "CC0")
    assert (status, said) == (
        1,
        "Berlin, Germany: 4 photos added, 0 already there, 0 near copies kept out, 7 skipped\n",
    )
    assert error.count("note") == 5
    assert "and 2 more" in error
    status, said, _ = call("list")
    assert status == 0
    assert said.startswith("Berlin, Germany  4 photos  CC0 (4)  20")
    assert json.loads(call("list", "--json")[1])[0]["photos"] == 4
    assert [row["name"] for row in json.loads(call("list", "Berlin, Germany", "--json")[1])] == [
        f"{at}.jpg" for at in range(4)
    ]
    assert call("export", "Berlin, Germany", tmp_path / "b.zip")[0] == 0
    assert call("remove", "Berlin, Germany", "1.jpg")[1] == "removed 1.jpg of Berlin, Germany\n"
    assert call("import", tmp_path / "b.zip")[1].startswith("Berlin, Germany: 1 photo added, 3 already there")
    assert call("remove", "Berlin, Germany")[1] == "removed 4 photos of Berlin, Germany\n"
    status, said, error = call("list")
    assert (status, said) == (0, "")
    assert "gallery add CITY DIR" in error


def test_a_photo_filed_under_another_city_stops_with_a_question(folder: Path, file: Path) -> None:
    with opened(file) as gallery:
        gallery.add(BERLIN, folder)
        with pytest.raises(UsageError, match=f"filed under {BERLIN.label} already: which city .* --elsewhere both"):
            gallery.add(ROME, folder, elsewhere="ask")
        left = gallery.add(ROME, folder, elsewhere="skip")
        assert (left.added, left.skipped, {one.why for one in left.left}) == ((), (), {BERLIN.label})
        kept = len(gallery.photographs(BERLIN.geoname_id))
        assert len(gallery.add(ROME, folder, elsewhere="move").added) == kept
        assert gallery.photographs(BERLIN.geoname_id) == ()
        assert [one.label for one in gallery.cities()] == [ROME.label]


def test_two_cities_of_one_name_are_two(folder: Path, file: Path, tmp_path: Path) -> None:
    france, texas = gazetteer.parse("Paris, France"), gazetteer.parse("Paris, Texas")
    with opened(file) as gallery:
        gallery.add(france, folder)
        gallery.add(texas, folder, elsewhere="both")
        assert {one.label for one in gallery.cities()} == {france.label, texas.label}
        gallery.remove(texas, "0.jpg")
        sizes = (len(gallery.photographs(france.geoname_id)), len(gallery.photographs(texas.geoname_id)))
        assert sizes == (4, 3)
        gallery.export(texas, tmp_path / "texas.zip")
    with opened(tmp_path / "other.sqlite") as gallery:
        assert gallery.import_(tmp_path / "texas.zip").city == texas.label
        assert [one.geoname_id for one in gallery.cities()] == [texas.geoname_id]
