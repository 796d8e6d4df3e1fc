from pathlib import Path

import pytest

from sightcheck.data.manifest import Item, from_folders, read, sha256, verify, write
from sightcheck.errors import InputError, NotAFile, OutputError, UsageError


@pytest.fixture
def table(tmp_path: Path):
    (tmp_path / "video" / "street").mkdir(parents=True)
    (tmp_path / "video" / "street" / "x.mp4").write_bytes(b"x")

    def made(text: str, name: str = "video.csv") -> Path:
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return made


def test_path_is_found_in_the_folder_named_like_the_table(table):
    (item,) = read(table("path,label,scene,storage\nstreet/x.mp4,fake,drive 1,native\n"))
    assert item.path == str(table("").parent / "video/street/x.mp4")
    assert item.group == "drive 1"
    assert item.synthetic


def test_group_wins_over_scene_and_defaults_to_the_file(table):
    rows = "path,label,group,scene,sha256\na,real,g,s,\nb,real,,s,\nc,real,,,ab\nd,real,,,\n"
    assert [item.group for item in read(table(rows))] == ["g", "s", "ab", "d"]


def test_text_columns_stay_text_and_numbers_are_read(table):
    (item,) = read(table("path,label,group,width,fps,lat,lon\na,real,007,1024.0,29.97,-33.5,\n"))
    assert (item.group, item.width, item.fps, item.lat, item.lon) == ("007", 1024, 29.97, -33.5, None)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("path,label\na,real\n../b,real\n", r"row 2: .*leaves the table's folder"),
        ("path,label\n/etc/passwd,real\n", r"row 1: .*leaves the table's folder"),
        ("path,label\na,real\nb,maybe\n", r"row 2: the label is 'maybe'; write real or fake"),
        ("path,label,fps\na,real,fast\n", r"row 1: fps is 'fast'"),
        ("path,label,fps\na,real,nan\n", r"row 1: fps is 'nan'"),
        ("path,label,width\na,real,-1\n", r"row 1: width is '-1'"),
        ("path,label,lat\na,real,91\n", r"row 1: lat is '91'"),
        ("path,label\n,real\n", r"row 1: the path is empty"),
        ("path\na\n", r"no column label; add it"),
        ("path,label,label\na,real,fake\n", r"occurs twice"),
        ("path,label\n", r"no rows"),
        ("path,label\na\n", r"not a readable table"),
        ("", r"not a readable table"),
    ],
)
def test_a_bad_table_is_refused_with_its_row(table, text, says):
    with pytest.raises(UsageError, match=says):
        read(table(text))


def test_a_link_out_of_the_folder_is_refused(table, tmp_path):
    (tmp_path / "out.mp4").symlink_to("/etc/passwd")
    with pytest.raises(UsageError, match="leaves"):
        read(table("path,label\nout.mp4,real\n"))


def test_missing_and_misnamed_tables_are_refused(tmp_path):
    with pytest.raises(UsageError, match="not a readable table"):
        read(tmp_path / "none.csv")
    with pytest.raises(UsageError, match="ends in"):
        read(tmp_path / "none.xlsx")


@pytest.mark.parametrize("name", ["clips.csv", "clips.parquet"])
def test_what_is_written_is_read_back(tmp_path, name):
    items = (
        Item(path=str(tmp_path / "=1+1.mp4"), label="fake", group="@SUM(A1)", source="-x", lat=-1.5, lon=0.0),
        Item(path=str(tmp_path / "b, c\n.mp4"), label="real", sha256="ab", group="'tis", fps=29.97, frames=7),
        Item(path=str(tmp_path / "NA"), label="real", group="null", city="''", codec="h264"),
    )
    write(items, tmp_path / name)
    assert read(tmp_path / name) == items


def test_no_cell_of_a_written_csv_is_a_formula(tmp_path):
    write((Item(path=str(tmp_path / "=a"), label="real", group="+b", city="@c"),), tmp_path / "t.csv")
    cells = (tmp_path / "t.csv").read_text().splitlines()[1].split(",")
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


def test_write_refuses_files_it_could_not_read_back(tmp_path):
    with pytest.raises(UsageError, match="outside"):
        write((Item(path="/elsewhere/a.mp4", label="real"),), tmp_path / "t.csv")
    with pytest.raises(OutputError, match="could not be written"):
        write((Item(path=str(tmp_path / "no/a"), label="real"),), tmp_path / "no/t.csv")


def test_folders_give_groups_and_skip_hidden_files(tmp_path):
    for name in ("real/walk/2.mp4", "real/walk/1.mp4", "real/a.mp4", "real/.DS_Store", "real/.git/x", "fake/walk/z"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    items = from_folders(tmp_path / "real", tmp_path / "fake")
    assert [(Path(item.path).name, item.label, item.group) for item in items] == [
        ("a.mp4", "real", "real/a.mp4"),
        ("1.mp4", "real", "walk"),
        ("2.mp4", "real", "walk"),
        ("z", "fake", "walk"),
    ]
    write(items, tmp_path / "table.csv")
    assert read(tmp_path / "table.csv") == items


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no files to learn from"):
        from_folders(tmp_path / "none", tmp_path)


def test_verify_tells_an_altered_file(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"a")
    item = Item(path=str(file), label="real", sha256=sha256(file).upper())
    verify(item)
    file.write_bytes(b"b")
    with pytest.raises(InputError, match="sha256 differs"):
        verify(item)
    with pytest.raises(NotAFile):
        verify(Item(path=str(tmp_path / "none"), label="real", sha256="ab"))


def test_a_city_is_its_name_region_and_country() -> None:
    places = {Item(path="a", kind="photo", city="Paris", region=region, country=code).place
              for region, code in (("", "FR"), ("Texas", "US"), ("Tennessee", "US"))}  # fmt: skip
    assert places == {"Paris, FR", "Paris, Texas, US", "Paris, Tennessee, US"}
    assert Item(path="a", kind="photo", country="FR").place == ""
