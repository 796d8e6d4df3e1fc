"""When does the file say it was taken, and do its times agree with each other and with the sun?"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sightcheck.place.stated.sun import elevation
from sightcheck.verdict import Statement

FIRST_YEAR = 1990
"""No file format that carries these times is older, nor is the digital camera."""
ZONE_HOURS = 3.0
"""Civil time strays no further from the sun's, western China's apart by minutes."""
AHEAD_HOURS = (-1.0, 3.0)
"""How far a clock of unknown zone may be ahead of the sun: half a zone, summer time, and Spain's or China's choice."""
NIGHT, DAY = -6.0, 3.0
"""Degrees: below the first even twilight is over, above the second the sun is up."""
SHOWN = 80  # characters of a time that is none
GPS_YEAR = 1994
"""The satellites served everyone from then on."""
A_DAY = timedelta(days=1, hours=2)  # times of unknown zone may be this far apart and mean the same

FIRMWARE = {
    (1904, 1, 1), (1970, 1, 1), (1980, 1, 1), (1980, 1, 6), (1999, 8, 22), (2000, 1, 1), (2002, 1, 1), (2002, 12, 8),
}  # fmt: skip
"""Days on which the clocks of cameras start that were never set, at midnight or at noon, and those of receivers."""
UNSET = "when the clocks of devices start that were never set: it says nothing"
ROLLOVER = timedelta(weeks=1024)
"""After so long a receiver's count of weeks begins anew."""

STAMP = re.compile(
    r"\s*(\d{4})[:-]?(\d\d)[:-]?(\d\d)(?:[T ]+(\d\d):?(\d\d)(?::?(\d\d)(?:\.\d+)?)?\s*(Z|[+-]\d\d:?\d\d)?)?\s*",
    re.ASCII,
)

TAKEN = (
    ("EXIF DateTimeOriginal", "EXIF OffsetTimeOriginal"),
    ("XMP exif:DateTimeOriginal", ""),
    ("XMP photoshop:DateCreated", ""),
    ("IPTC DateCreated", ""),
)
DIGITISED = (("EXIF DateTimeDigitized", "EXIF OffsetTimeDigitized"), ("XMP xmp:CreateDate", ""))
MODIFIED = (("EXIF DateTime", "EXIF OffsetTime"), ("XMP xmp:ModifyDate", ""))


@dataclass(frozen=True)
class Spot:
    """A place to compare times with, in WGS84 degrees; `name` reads after "at": "the claimed place"."""

    name: str
    lat: float
    lon: float


@dataclass(frozen=True)
class Moment:
    """A stated time: naive local time, hours ahead of UTC where stated, and whether it has a time of day."""

    local: datetime
    offset_h: float | None
    timed: bool

    def __str__(self) -> str:
        zone = "" if self.offset_h is None else " " + zone_name(self.offset_h)
        return f"{self.local:%Y-%m-%d %H:%M}{zone}" if self.timed else f"{self.local:%Y-%m-%d}"


class Fault(NamedTuple):
    """Why a satellite time cannot be that of the picture; `device`: a fault of receivers, which blames nobody."""

    why: str
    device: bool


def moment(text: str, offset: str = "") -> Moment | None:
    """`2019:05:04 14:03:11`, `2019-05-04T14:03+02:00`, `20190504` (and `+02:00`) -> Moment; None for anything else."""
    found = STAMP.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    try:
        local = datetime(year, month, day, hour, minute, min(second, 59))
    except ValueError:
        return None
    return Moment(local, _hours(found[7] or offset.strip()), found[4] is not None)


def zone_name(hours: float) -> str:
    """Hours ahead of UTC -> `UTC+2`, `UTC-3:30`."""
    whole, part = divmod(round(abs(hours) * 60), 60)
    return f"UTC{'-' if hours < 0 else '+'}{whole}" + (f":{part:02d}" if part else "")


def taken(said: Mapping[str, str]) -> Moment | None:
    """When the file says it was taken: the first of the tags that holds a time."""
    return _first(said, TAKEN)


def statements(said: Mapping[str, str], spots: Sequence[Spot], now: datetime) -> list[Statement]:
    """The file's times, what contradicts what, and where the sun stood at each spot."""
    first = taken(said)
    camera = first if first and not _fault(first, now) else None
    fault = _unreliable(said, camera, now)
    satellites = None if fault else _gps_time(said)
    found = [_taken_statement(said, first, now), _later(said, "Digitised", DIGITISED, first, camera)]
    found += [_later(said, "Modified", MODIFIED, first, camera), _satellite(said, camera, fault)]
    utc, offset = _universal(camera, satellites)
    fixed = camera is None or camera.offset_h is None
    found += [_zone(offset, spot, fixed) for spot in spots if offset is not None]
    found += [_sun(camera, utc, spot) for spot in spots if camera or utc]
    return [statement for statement in found if statement is not None]


def _fault(time: Moment, now: datetime) -> str:
    """Why a camera's time cannot be that of a picture, so that nothing is drawn from it; "" where it may be."""
    if time.local > _latest(now):
        return "in the future: the clock was wrong or the time is made up"
    if time.local.year < FIRST_YEAR:
        return "before digital cameras: a scan, or a clock that was never set"
    return UNSET if _never_set(time) else ""


def _latest(now: datetime) -> datetime:
    """The latest local time that it may be anywhere."""
    return now.astimezone(UTC).replace(tzinfo=None) + A_DAY


def _hours(text: str) -> float | None:
    """`+02:00`, `-0330`, `Z` -> hours; None for what is no offset on Earth."""
    if text == "Z":
        return 0.0
    found = re.fullmatch(r"([+-])(\d\d):?(\d\d)", text, re.ASCII)
    hours = int(found[2]) + int(found[3]) / 60 if found else 99.0
    return None if found is None or hours > 14 else hours if found[1] == "+" else -hours


def _first(said: Mapping[str, str], tags: Sequence[tuple[str, str]]) -> Moment | None:
    """The first of the tags that holds a time."""
    return next((time for tag, offset in tags if (time := _stated(said, tag, offset))), None)


def _stated(said: Mapping[str, str], name: str, offset: str) -> Moment | None:
    text = said.get(name, "")
    if name == "IPTC DateCreated":  # its time of day is a tag of its own
        text = f"{text} {said['IPTC TimeCreated']}" if "IPTC TimeCreated" in said else text
    return moment(text, said.get(offset, ""))


def _taken_statement(said: Mapping[str, str], first: Moment | None, now: datetime) -> Statement | None:
    """The time of the picture, and whether that can be."""
    if first is None:
        text = next((said[name] for name, _ in TAKEN if name in said), "")
        reading = "the clock was never set" if text.startswith("0000") else "cannot be read as a time"
        return Statement("Taken", text[:SHOWN], reading) if text else None
    if fault := _fault(first, now):
        return Statement("Taken", str(first), fault, None if fault == UNSET else False)
    return Statement("Taken", str(first), "" if first.offset_h is not None else "its time zone is not stated")


def _later(
    said: Mapping[str, str],
    name: str,
    tags: Sequence[tuple[str, str]],
    first: Moment | None,
    camera: Moment | None,
) -> Statement | None:
    """A time that cannot lie before the picture was taken; None where it says nothing new beside `first`."""
    time = _first(said, tags)
    if time is None or (first and abs(time.local - first.local) < timedelta(minutes=1)):
        return None
    if _never_set(time):
        return Statement(name, str(time), UNSET)
    if camera is None:
        return Statement(name, str(time))
    exact = time.timed and camera.timed and time.offset_h is not None and camera.offset_h is not None
    gap = time.local - camera.local
    if exact:
        gap -= timedelta(hours=(time.offset_h or 0) - (camera.offset_h or 0))
    if gap < -(timedelta(minutes=1) if exact else A_DAY):
        return Statement(name, str(time), f"{_span(-gap)} before it was taken, which cannot be", False)
    return Statement(name, str(time), f"{_span(gap)} after it was taken" if gap > A_DAY else "")


def _span(gap: timedelta) -> str:
    hours = gap.total_seconds() / 3600
    return f"{hours / 24:,.0f} days" if hours > 48 else f"{hours:.0f} hours" if hours > 2 else f"{60 * hours:.0f} min"


def _gps_time(said: Mapping[str, str]) -> datetime | None:
    """The satellites' time in UTC, naive."""
    found = moment(f"{said.get('EXIF GPSDateStamp', '')} {said.get('EXIF GPSTimeStamp', '')}")
    return found.local if found and found.timed else None


def _universal(camera: Moment | None, satellites: datetime | None) -> tuple[datetime | None, float | None]:
    """(time in UTC, hours the camera's clock was ahead of it), each None where nothing reliable states it."""
    timed = camera if camera and camera.timed else None
    if timed and timed.offset_h is not None:
        return (timed.local - timedelta(hours=timed.offset_h)).replace(tzinfo=UTC), timed.offset_h
    if satellites is None:
        return None, None
    # zones are quarters of an hour
    ahead = round((timed.local - satellites).total_seconds() / 900) / 4 if timed else None
    return satellites.replace(tzinfo=UTC), ahead


def _satellite(said: Mapping[str, str], camera: Moment | None, fault: Fault | None) -> Statement | None:
    """The satellites' time beside the camera's clock."""
    satellites = _gps_time(said)
    if satellites is None:
        return None
    value = f"{satellites:%Y-%m-%d %H:%M} UTC"
    if fault:
        agrees = None if fault.device else False
        return Statement("Satellite time", value, f"{fault.why}: unreliable, so nothing is drawn from it", agrees)
    if camera is None or not camera.timed:
        return Statement("Satellite time", value)
    ahead = (camera.local - satellites).total_seconds() / 3600
    return Statement("Satellite time", value, f"the camera's clock ran at {zone_name(round(4 * ahead) / 4)}")


def _unreliable(said: Mapping[str, str], camera: Moment | None, now: datetime) -> Fault | None:
    """What is wrong with the satellites' time: with itself, or beside the file's other times."""
    satellites = _gps_time(said)
    if satellites is None:
        return None
    times = [time for time in (camera, _first(said, DIGITISED), _first(said, MODIFIED)) if time]
    times = [time for time in times if not _fault(time, now)]
    if why := _receiver(satellites, [time.local for time in times], now):
        return Fault(why, True)
    beside = camera or next((time for time in times if time == _first(said, DIGITISED)), None)
    span = timedelta(hours=_off(satellites, beside)) if beside else timedelta()
    if span <= timedelta(hours=1):
        return None
    return Fault(f"{_span(span)} off the camera's clock (a fix from another time, or a clock that is wrong)", False)


def _receiver(satellites: datetime, times: Sequence[datetime], now: datetime) -> str:
    """The fault of receivers that a satellite time shows, which says nothing of the picture; else ""."""
    if (satellites.year, satellites.month, satellites.day) in FIRMWARE:
        return "what a receiver writes before it has found the satellites"
    for weeks in (1, 2):
        if any(abs(abs(time - satellites) - weeks * ROLLOVER) <= A_DAY for time in times):
            return f"{weeks * 1024:,} weeks from the camera's clock (the receiver's count of weeks began anew)"
    if satellites.year < GPS_YEAR:
        return "before the satellites served everyone"
    return "in the future" if satellites > _latest(now) else ""


def _off(satellites: datetime, camera: Moment) -> float:
    """Hours that the satellites' time and a camera's are further apart than zones can explain."""
    ahead = (camera.local - satellites).total_seconds() / 3600
    if not camera.timed:
        return max(0.0, abs(ahead + 12) - 26)  # a day, anywhere on Earth
    return abs(ahead - camera.offset_h) if camera.offset_h is not None else max(0.0, abs(ahead) - 14.25)


def _never_set(time: Moment) -> bool:
    """Whether a time is one at which clocks start that were never set."""
    local = time.local
    at_start = (local.hour, local.minute) in ((0, 0), (12, 0))
    return time.timed and at_start and (local.year, local.month, local.day) in FIRMWARE


def _zone(offset_h: float, spot: Spot, fixed: bool) -> Statement:
    """The clock's zone beside the sun's time at a spot; `fixed`: the satellites' time is all that tells it."""
    apart = abs((offset_h - spot.lon / 15 + 12) % 24 - 12)
    if apart <= ZONE_HOURS:
        return Statement(f"Clock at {spot.name}", zone_name(offset_h), "as clocks may run there", True)
    why = f"a clock set elsewhere, {'an older fix, ' if fixed else ''}or a picture taken elsewhere"
    comparison = f"{apart:.0f} hours from the sun's time there: {why}"
    return Statement(f"Clock at {spot.name}", zone_name(offset_h), comparison, False)


def _sun(camera: Moment | None, utc: datetime | None, spot: Spot) -> Statement | None:
    """Where the sun stood; over every zone that the clock may have had where the file states none."""
    if utc is not None:
        times, basis = [utc], "at the stated time"
    elif camera is not None and camera.timed:
        start, end = (4 * hours for hours in AHEAD_HOURS)
        solar = camera.local.replace(tzinfo=UTC) - timedelta(hours=spot.lon / 15)
        times = [solar - timedelta(hours=quarter / 4) for quarter in range(int(start), int(end) + 1)]
        basis = "at the stated time, its zone guessed from the longitude"
    else:
        return None
    heights = [elevation(spot.lat, spot.lon, time) for time in times]
    low, high = min(heights), max(heights)
    where = _height(low) if high - low < 1 else f"between {_height(low)} and {_height(high)}"
    if high < NIGHT:
        reading = "it was night there: a picture in daylight would contradict this"
    elif low > DAY:
        reading = "it was day there: a picture of the night would contradict this"
    else:
        reading = "near the horizon, or too uncertain to tell day from night"
    return Statement(f"Sun at {spot.name}", f"{where} {basis}", reading)


def _height(degrees: float) -> str:
    return f"{abs(degrees):.0f} degrees {'above' if degrees >= 0 else 'below'} the horizon"
