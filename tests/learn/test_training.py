"""Do the recipes train, resume to the bit, sample as section 8.3.2 says, and export what they trained?"""

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sightcheck import weights
from sightcheck.errors import BrokenInstallation, UsageError
from sightcheck.learn import recipes

torch = pytest.importorskip("torch", reason="needs the train extra")

from sightcheck.learn.place import photos as reading
from sightcheck.learn.place import whole
from sightcheck.nets import backbones, export, loop
from sightcheck.nets.loop import Schedule
from sightcheck.nets.place import city as pairs
from sightcheck.nets.place import country as classifier
from sightcheck.nets.place.photographs import augmented

nn = torch.nn
TINY = "test_efficientnet"
PLACES = {"Italy": ("Rome", (190, 90, 60), 4), "Germany": ("Berlin", (60, 110, 190), 16)}
QUICK = Schedule(epochs=1, batch=16, rate=0.01)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIGHTCHECK_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 22 small photos each of two cities, told apart by colour and by the size of their blocks."""
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    rows = []
    for country, (city, colour, block) in PLACES.items():
        for number in range(22):
            noise = np.kron(random.normal(0, 40, (64 // block, 96 // block, 1)), np.ones((block, block, 1)))
            path = folder / f"{city}-{number}.png"
            Image.fromarray((np.array(colour) + noise).clip(0, 255).astype(np.uint8)).save(path)
            rows.append((path.name, country, city, "drawn", "CC0"))
    with (folder / "photos.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "country", "city", "source", "licence"), *rows])
    return folder / "photos.csv"


@pytest.fixture(scope="module")
def photos(table: Path) -> reading.Photos:
    return reading.read([table])


def test_a_table_is_read_and_a_lost_photo_is_named(table: Path, photos: reading.Photos) -> None:
    assert Counter(item.country for item in photos.items) == {"IT": 22, "DE": 22}
    assert len({item.group for item in photos.items}) > 35
    assert photos.pixels[0].shape == (256, 384, 3)
    lost = table.with_name("lost.csv")
    lost.write_text("path,country\nRome-0.png,Italy\ngone.png,Italy\n")
    assert [name.split(":")[0] for name in reading.read([lost]).left_out] == ["gone.png"]


def test_a_country_network_is_trained_and_answers(home: Path, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import timm

    from sightcheck.place.embedding import Names, Reader

    create = timm.create_model
    monkeypatch.setattr(timm, "create_model", lambda name, **asked: create(name, **{**asked, "pretrained": False}))
    asked = recipes.Asked("whole-country", name="tiny", backbone=TINY, epochs=1)
    heard: list[str] = []
    folder = recipes.run(asked, [table], lambda _, what: heard.append(what))
    assert folder == weights.home() / "tiny"
    assert any(what.startswith("epoch 1/1, loss") for what in heard)
    reader = Reader(Names(country="tiny"))
    assert reader.countries.labels == (("DE",), ("IT",))
    seen = reader.embed(np.full((300, 400, 3), 90, np.uint8))
    assert seen.countries.shape == (2,)
    assert seen.countries.sum() == pytest.approx(1)
    card = weights.card(folder)
    assert (card.method, card.recipe["backbone"], card.recipe["schedule"]["epochs"]) == ("country", asked.backbone, 1)
    assert card.sources == (weights.Source("drawn", licence="CC0", photos=44),)
    assert "top-1" in recipes.to_text(folder).lower()


def test_grouped_classes_are_those_of_the_thesis(home: Path, photos: reading.Photos) -> None:
    from sightcheck.place import country
    from sightcheck.place.world import gazetteer

    recipe = classifier.Country(backbone=TINY, pretrained=False, schedule=QUICK)
    whole.train_country(photos, recipe, "tiny", grouped=True)
    meaning = country.from_arrays(weights.load("tiny").arrays)
    assert set(meaning.labels) == {gazetteer.classes()[gazetteer.class_of(one)] for one in ("IT", "DE")}


def test_a_city_network_is_trained_and_answers(home: Path, photos: reading.Photos) -> None:
    from sightcheck.place.embedding import ROLES, Names, Reader

    if missing := [name for name in ROLES if not (weights.BUNDLED / name).is_dir()]:
        pytest.skip(f"the bundled models {missing} are missing")
    recipe = pairs.City(backbone=TINY, pretrained=False, pairs=64, symmetric=True, schedule=QUICK)
    folder = whole.train_city(photos, recipe, "tiny-city", home / "detectors")
    reader = Reader(Names(city="tiny-city"))
    assert reader.verifier.symmetric
    vectors = [reader.embed(photos.pixels[at]).vector for at in (0, 1)]
    assert vectors[0].shape == (64,)
    assert not np.array_equal(*vectors)
    assert {one.name for one in weights.card(folder).metrics} >= {"AUC", "TP by the thesis's rule (8.3)"}


def test_too_few_photos_and_names_that_are_taken_are_said_before_training(photos: reading.Photos) -> None:
    recipe = classifier.Country(backbone="nothing is built")
    one_country = replace(photos, items=photos.items[:22], pixels=photos.pixels[:22])
    with pytest.raises(UsageError, match="20 photos each"):
        whole.train_country(one_country, recipe, "tiny")
    with pytest.raises(UsageError, match="bundled"):
        whole.train_country(photos, recipe, "country")
    with pytest.raises(UsageError, match="bundled"):
        whole.train_city(photos, pairs.City(), "city")


def test_a_country_of_which_nothing_could_be_held_out_is_named(home: Path, photos: reading.Photos) -> None:
    one_group = tuple(replace(item, group="one") if item.country == "DE" else item for item in photos.items)
    recipe = classifier.Country(backbone=TINY, pretrained=False, schedule=QUICK)
    limits = weights.card(whole.train_country(replace(photos, items=one_group), recipe, "tiny")).limits
    assert [limit for limit in limits if limit.startswith("not scored on DE:")]
    limits = weights.card(whole.train_country(photos, recipe, "other")).limits
    assert not [limit for limit in limits if limit.startswith("not scored on")]


def test_what_makes_no_sense_together_is_refused(table: Path) -> None:
    with pytest.raises(UsageError, match=r"whole-\.\.\. recipes"):
        recipes.run(recipes.Asked("country", epochs=3), [table])
    with pytest.raises(UsageError, match="--teacher"):
        recipes.run(recipes.Asked("scene"), [table])
    with pytest.raises(UsageError, match="--gate belongs"):
        recipes.run(recipes.Asked("whole-country", gate="country"), [table])


def test_without_torch_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipes, "find_spec", lambda name: None)
    with pytest.raises(BrokenInstallation, match=r"sightcheck\[train\]"):
        recipes.run(recipes.Asked("country"), [])


class Stopped(Exception):
    """In place of a person who stops the run."""


def learnt(folder: Path, stop: float = 2.0, seed: int = 0, validate: bool = False) -> tuple[dict[str, Any], list[str]]:
    """A small network with dropout, taught for four epochs; stopped past `stop` of the work. Weights, what was told."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 2))
    told: list[str] = []

    def data(epoch: int) -> Any:
        random = np.random.default_rng(epoch)
        x = torch.from_numpy(random.normal(size=(40, 6)).astype(np.float32))
        return torch.utils.data.TensorDataset(x, (x[:, 0] > 0).long())

    def loss(net: Any, batch: Any) -> Any:
        return nn.functional.cross_entropy(net(batch[0]), batch[1])

    def progress(done: float, what: str) -> None:
        told.append(what)
        if done > stop:
            raise Stopped

    held_out = iter([3.0, 1.0, 2.0, 2.5])
    schedule = Schedule(epochs=4, batch=8, rate=0.1, milestones=(1,))
    folder.mkdir(exist_ok=True)
    check = (lambda _: next(held_out)) if validate else None
    loop.fit(model, data, loss, schedule, folder, progress, check)
    return {name: value.clone() for name, value in model.state_dict().items()}, told


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(torch.equal(value, other[name]) for name, value in one.items())


def test_a_stopped_run_goes_on_to_the_same_weights_to_the_bit(tmp_path: Path) -> None:
    straight, told = learnt(tmp_path / "straight")
    assert told[0].startswith("epoch 1/4")
    with pytest.raises(Stopped):
        learnt(tmp_path / "stopped", stop=0.5)
    resumed, told = learnt(tmp_path / "stopped", seed=7)
    assert told[0].startswith("epoch 3/4")
    assert same(straight, resumed)
    assert not same(straight, learnt(tmp_path / "other", seed=7)[0]), "the start must matter for this test to say much"


def test_every_photo_comes_once_an_epoch_in_another_order(tmp_path: Path) -> None:
    came: list[list[int]] = [[], []]

    def data(epoch: int) -> Any:
        return torch.utils.data.TensorDataset(torch.arange(20.0)[:, None], torch.full((20,), epoch))

    def loss(net: Any, batch: Any) -> Any:
        came[int(batch[1][0])] += batch[0][:, 0].int().tolist()
        return net(batch[0]).mean()

    loop.fit(nn.Linear(1, 1), data, loss, Schedule(epochs=2, batch=5), tmp_path)
    assert sorted(came[0]) == sorted(came[1]) == list(range(20))
    assert came[0] != came[1] != list(range(20))


def test_with_a_validation_the_best_epoch_is_kept(tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        learnt(tmp_path / "two", stop=0.5)
    after_two = torch.load(tmp_path / "two" / "last.ckpt", weights_only=True)["model"]
    best, _ = learnt(tmp_path / "best", validate=True)
    assert same(best, after_two)
    assert not same(best, learnt(tmp_path / "last")[0])


def test_pairs_are_balanced_and_the_different_ones_plausible() -> None:
    random = np.random.default_rng(0)
    cities = np.repeat(np.arange(4), (2, 40, 9, 25))
    countries = np.stack([cities, 4 + random.integers(0, 3, len(cities))], 1)  # two cities share only the second
    rows = pairs.sample(cities, countries, 1600, 0.5, random)
    together, apart = rows[rows[:, 2] == 0], rows[rows[:, 2] == 1]
    assert len(together) == len(apart) == 800
    assert (cities[together[:, 0]] == cities[together[:, 1]]).all()
    assert (together[:, 0] != together[:, 1]).all()
    assert Counter(cities[together[:, 0]].tolist()) == dict.fromkeys(range(4), 200)
    assert (cities[apart[:, 0]] != cities[apart[:, 1]]).all()
    counts = Counter(tuple(sorted(cities[row[:2]].tolist())) for row in apart)
    assert len(counts) == 6
    assert max(counts.values()) < 1.5 * min(counts.values())

    def sharing(pairs_: np.ndarray) -> float:
        return float(np.mean([np.isin(countries[a], countries[b]).any() for a, b, _ in pairs_]))

    assert sharing(apart) >= 0.5
    chance = pairs.sample(cities, countries, 1600, 0.0, random)
    assert sharing(chance[chance[:, 2] == 1]) < 0.45


def test_half_of_the_different_pairs_are_plausible_however_rare_such_photos_are() -> None:
    random = np.random.default_rng(1)
    cities = np.repeat(np.arange(6), 100)
    countries = np.stack([10 + cities, 20 + cities], 1)
    countries[::20, 1] = 30  # one photo in twenty shares a likely country with other cities
    rows = pairs.sample(cities, countries, 2000, 0.5, random)
    assert pairs.plausible_share(rows, countries) >= 0.5
    countries[cities == 0] = (10, 20)  # one city has none: the others make up for it
    rows = pairs.sample(cities, countries, 2000, 0.5, random)
    assert pairs.plausible_share(rows, countries) >= 0.5
    countries[:, 1] = 20 + cities  # and where there are none at all, pairs are drawn all the same
    rows = pairs.sample(cities, countries, 200, 0.5, random)
    assert pairs.plausible_share(rows, countries) == 0
    assert len(rows) == 200


def test_classes_weigh_by_equation_7_2() -> None:
    classes = np.repeat([0, 1, 2], [100, 25, 4])
    found = classifier.class_weights(classes, 3).numpy()
    assert found / found[0] == pytest.approx([1, 2, 5])
    assert found[classes].mean() == pytest.approx(1)


@pytest.mark.parametrize("shape", [(256, 256), (256, 512), (400, 256)])
def test_an_augmentation_keeps_two_thirds_of_the_area(shape: tuple[int, int]) -> None:
    down, right = np.mgrid[0 : shape[0], 0 : shape[1]]
    gradients = np.stack([right / shape[1], down / shape[0], 0 * right], -1) * 255
    random = np.random.default_rng(0)
    areas, mirrored, upside_down = [], [], []
    for _ in range(200):
        seen = augmented(gradients.round().astype(np.uint8), random).astype(float) / 255
        assert seen.shape == (224, 224, 3)
        width, height = np.ptp(seen[112, :, 0]), np.ptp(seen[:, 112, 1])
        areas.append(width * height)
        mirrored.append(seen[112, 0, 0] > seen[112, -1, 0])
        upside_down.append(seen[0, 112, 1] > seen[-1, 112, 1])
    assert 2 / 3 - 0.02 < min(areas) < 0.72
    assert max(areas) > 0.9
    assert 0.35 < np.mean(mirrored) < 0.65
    assert 0.35 < np.mean(upside_down) < 0.65


def test_vertical_flips_can_be_left_out() -> None:
    picture = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 256, 1).repeat(3, 2)
    random = np.random.default_rng(0)
    assert all(seen[0, 0, 0] < seen[-1, 0, 0] for seen in (augmented(picture, random, 2 / 3, False) for _ in range(40)))


def small() -> Any:
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(3, 40, 3, 2), nn.BatchNorm2d(40), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())


@pytest.mark.parametrize("batch", [1, 5])
def test_an_export_answers_as_torch_does_for_any_batch(batch: int) -> None:
    net = small()
    network, golden = export.to_onnx(net, (2, 3, 32, 32))
    session = weights.session(network)
    given = np.random.default_rng(batch).standard_normal((batch, 3, 32, 32)).astype(np.float32)
    with torch.no_grad():
        wanted = net(torch.from_numpy(given)).numpy()
    found = session.run(None, {"input": given})[0]
    assert found.shape == (batch, 40)
    assert np.abs(found - wanted).max() <= export.TOLERANCE * max(1.0, np.abs(wanted).max())
    again = session.run(None, {"input": weights.golden_input((2, 3, 32, 32))})[0]
    assert np.abs(again - golden).max() <= export.TOLERANCE


def test_an_export_that_answers_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    before = export._exported

    def changed(net: Any, *rest: Any) -> bytes:
        with torch.no_grad():
            net[0].bias += 0.01
        return before(net, *rest)

    monkeypatch.setattr(export, "_exported", changed)
    with pytest.raises(BrokenInstallation, match="differs"):
        export.to_onnx(small(), (2, 3, 32, 32))


def test_a_network_too_large_for_half_precision_is_refused() -> None:
    net = small()
    with torch.no_grad():
        net[0].weight[0, 0, 0, 0] = 1e6
    with np.errstate(invalid="ignore"), pytest.raises(BrokenInstallation, match="differs"):
        export.to_onnx(net, (2, 3, 32, 32))


def test_a_backbone_has_as_many_features_as_it_says() -> None:
    for name in (TINY, "mobilenetv3_small_050"):
        net = backbones.backbone(name, pretrained=False).eval()
        with torch.no_grad():
            assert net(torch.zeros(1, 3, 224, 224)).shape == (1, net.features)


def test_a_backbone_that_cannot_be_had_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    import timm

    with pytest.raises(UsageError, match="efficientnet-lite0, efficientnet-lite2"):
        backbones.backbone("nonsense")

    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(timm, "create_model", unreachable)
    with pytest.raises(BrokenInstallation, match=r"connect to the internet once, or take efficientnet-lite0"):
        backbones.backbone("resnet101")


def test_frozen_parts_keep_their_weights_and_batch_statistics() -> None:
    recipe = classifier.Country(backbone="efficientnet-lite0", pretrained=False, frozen=3)
    net = classifier.Classifier(recipe, 2).train()
    held = {id(value) for part in net.held for value in part.parameters()}
    assert held
    assert all(value.requires_grad != (id(value) in held) for value in net.parameters())
    parts = [*net.backbone.layers()]
    held_norm, free_norm = parts[1], parts[-1]
    before = held_norm.running_mean.clone(), free_norm.running_mean.clone()
    net(torch.randn(2, 3, 64, 64))
    assert torch.equal(held_norm.running_mean, before[0])
    assert not torch.equal(free_norm.running_mean, before[1])
    with pytest.raises(UsageError, match="leave `frozen` at 0"):
        backbones.freeze(backbones.backbone(TINY, pretrained=False), 1)


def test_a_taken_name_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="bundled"):
        recipes.run(recipes.Asked("country"), [tmp_path / "missing.csv"])
    assert recipes.Asked("pairs", symmetric=True, features="clip").called == "pairs-symmetric-clip"
    assert recipes.Asked("country", name="mine").called == "mine"
