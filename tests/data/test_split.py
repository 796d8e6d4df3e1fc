import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sightcheck.data import split
from sightcheck.data.manifest import Item
from sightcheck.data.split import balanced, folds, linked_groups

few = st.integers(0, 5).map(str)
clips = st.builds(
    Item, path=few, label=st.sampled_from(["real", "fake"]), group=few, source=few, generator=few, sha256=few
)
manifests = st.lists(clips, min_size=1, max_size=25).map(tuple)


def clip(**known) -> Item:
    return Item(**{"path": "a", "label": "real", **known})


def values(items, indices, column):
    return {getattr(items[i], column) for i in indices}


@given(manifests, st.sampled_from(["source", "group"]), st.integers(2, 5))
def test_no_group_copy_or_source_lies_in_two_folds(items, by, k):
    fold = folds(items, k, by=by)
    assert set(fold) <= set(range(k))
    for column in {"group", "sha256", by}:
        held = [values(items, np.flatnonzero(fold == f), column) for f in range(k)]
        assert sum(map(len, held)) == len(set.union(*held))


def test_components_join_through_copies_and_near_copies():
    items = (
        clip(group="a", sha256="1"),
        clip(group="b", sha256="1"),
        clip(group="b", sha256="2"),
        clip(group="c"),
        clip(group="d"),
    )
    assert linked_groups(items).tolist() == [0, 0, 0, 1, 2]
    assert linked_groups(items, near_copies=[(3, 4)]).tolist() == [0, 0, 0, 1, 1]


def test_an_unknown_source_joins_nothing():
    assert linked_groups((clip(path="a"), clip(path="b")), by_source=True).tolist() == [0, 1]


def test_folds_share_both_labels():
    units = np.repeat(np.arange(20), 3)
    positive = units % 2 == 0
    fold = balanced(units, positive, 5)
    for f in range(5):
        assert positive[fold == f].sum() == 6
        assert (~positive)[fold == f].sum() == 6


def test_the_seed_changes_the_folds_and_nothing_else_does():
    units, positive = np.arange(40), np.arange(40) % 2 == 0
    assert (balanced(units, positive, 5, 1) == balanced(units, positive, 5, 1)).all()
    assert (balanced(units, positive, 5, 1) != balanced(units, positive, 5, 2)).any()


def test_each_country_is_split_as_published_by_whole_groups() -> None:
    items = [Item(path=f"{name}{n}", kind="photo", group=f"{name}{n // 2}") for name, count in
             (("a", 1000), ("b", 60), ("c", 4), ("d", 2)) for n in range(count)]  # fmt: skip
    labels = [item.path[0] for item in items]
    parts = split.published(items, labels)
    for name, wanted in (("a", (960, 20, 20)), ("b", (56, 2, 2)), ("c", (2, 0, 2)), ("d", (2, 0, 0))):
        here = parts[np.array(labels) == name]
        assert tuple((here == part).sum() for part in ("train", "validation", "test")) == wanted
    by_group = {(item.group, part) for item, part in zip(items, parts.tolist(), strict=True)}
    assert len(by_group) == len({item.group for item in items})


def test_a_large_group_teaches_and_a_group_of_two_countries_is_never_parted() -> None:
    sizes = {"a": (200, 3, 3, 2, 2), "b": (50, 40), "c": (5,)}
    items = [Item(path=f"{name}{at}-{n}", kind="photo", group=f"{name}{at}")
             for name, groups in sizes.items() for at, size in enumerate(groups) for n in range(size)]  # fmt: skip
    items += [Item(path=f"{name}-both{n}", kind="photo", group="both") for name in "ab" for n in range(1)]
    labels = [item.path[0] for item in items]
    for seed in range(20):
        parts = split.published(items, labels, seed=seed)
        shares = {name: [int((parts[np.array(labels) == name] == part).sum()) for part in ("validation", "test")]
                  for name in sizes}  # fmt: skip
        assert all(2 <= held <= 6 for held in shares["a"])
        assert shares["b"] == [0, 40]
        assert shares["c"] == [0, 0]
        assert len({(item.group, part) for item, part in zip(items, parts.tolist(), strict=True)}) == 9
