"""Does the study of writing count what it says?"""

from sightcheck.bench.writing_study import Read, study
from sightcheck.place.world.gazetteer import parse
from sightcheck.place.writing.reading import Reading


def test_clues_are_counted_beside_the_truth_and_beside_other_countries() -> None:
    rome, berlin = parse("Rome, Italy"), parse("Berlin, Germany")
    photos = [
        Read(Reading(("www.rossi.it",)), 0.1, rome),
        Read(Reading(("www.rossi.it", "+49 30 1234567")), 0.2, berlin),
        Read(Reading(("12",), 3), 0.3, berlin),
        Read(Reading(), 0.1, rome),
    ]
    told = list(study(photos, "few.csv"))
    assert "4 photos; a line of 3 letters or more is read in 2 " in told[0]
    assert "(50.0%), 1 hold a piece that is not read." in told[1]
    rows = {
        line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[2:-1]] for line in told if "|" in line
    }
    assert rows["web address"] == ["2", "1", "1", "50.0%", "50.0%"]
    assert rows["phone prefix"] == ["1", "1", "0", "0.0%", "100.0%"]
    assert rows["money"] == ["0", "0", "0", "0.0%", "0.0%"]
    assert told[-1] == "- contradicts the truth: web address “www.rossi.it” in a photo of Berlin, Germany"
