"""How high did the sun stand, there and then?"""

from datetime import UTC, datetime
from math import asin, atan2, cos, degrees, radians, sin

J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)


def elevation(lat: float, lon: float, time: datetime) -> float:
    """WGS84 degrees and an aware time -> degrees of the sun above the horizon, without refraction.

    The Astronomical Almanac's low-precision formula: within 0.05 degrees from 1950 to 2050.
    """
    days = (time - J2000).total_seconds() / 86400
    anomaly = radians(357.528 + 0.9856003 * days)
    longitude = radians(280.460 + 0.9856474 * days + 1.915 * sin(anomaly) + 0.020 * sin(2 * anomaly))
    tilt = radians(23.439 - 4e-7 * days)
    ascension = atan2(cos(tilt) * sin(longitude), cos(longitude))
    declination = asin(sin(tilt) * sin(longitude))
    hour_angle = radians(280.46062 + 360.98564737 * days + lon) - ascension
    height = sin(radians(lat)) * sin(declination) + cos(radians(lat)) * cos(declination) * cos(hour_angle)
    return degrees(asin(max(-1.0, min(1.0, height))))
