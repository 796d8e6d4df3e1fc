"""Which files in a folder are no pictures, but what systems and cameras leave beside them?"""

from pathlib import PurePath

NAMES = {"thumbs.db", "desktop.ini", "ehthumbs.db", "picasa.ini", "icon\r", "folder.jpg.lnk"}
SUFFIXES = {
    *(".xmp", ".aae", ".json", ".thm", ".lrv", ".pp3", ".dop", ".cos", ".ini", ".db", ".lnk", ".url", ".tmp", ".part"),
    *(".srt", ".vtt", ".sha256", ".md5", ".gpx"),
}


def is_noise(name: str) -> bool:
    """Whether a file's name is that of a sidecar, an index or a hidden file; what it holds is never asked."""
    path = PurePath(name)
    return path.name.startswith(".") or path.name.lower() in NAMES or path.suffix.lower() in SUFFIXES
