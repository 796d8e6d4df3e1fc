"""What can go wrong, and what the person should do next.

SightcheckError                 every error a user meets; one sentence: what, where, what next
├── InputError                  this file cannot be answered; the other files of the call still are (exit 1)
│   ├── NotAFile                missing, a directory, or not readable
│   ├── NotMedia                empty, text, a playlist, or a container or codec that is not allowed
│   ├── Damaged                 the container opens but no frame can be decoded, or it is encrypted
│   └── OverLimit               more pixels, frames, memory or time than the limits allow
├── OutputError                 the answer could not be written: disk full, no permission (exit 1)
├── UsageError                  the command or its arguments make no sense together (exit 2)
└── BrokenInstallation          a model file or a library is missing or altered (exit 3)
"""


class SightcheckError(Exception):
    """Base of every error a user meets. `exit_status` is what the command line returns for it."""

    exit_status = 1


class InputError(SightcheckError):
    """One input cannot be answered; others of the same call are not affected."""


class NotAFile(InputError):
    """The path is missing, a directory, a device, or not readable."""


class NotMedia(InputError):
    """The content is not in an allowed container or codec."""


class Damaged(InputError):
    """The container is recognised but no frame can be read from it."""


class OverLimit(InputError):
    """Reading the file would take more pixels, frames, memory or time than the limits allow."""


class OutputError(SightcheckError):
    """The answer exists but could not be written."""


class UsageError(SightcheckError):
    """The arguments make no sense together."""

    exit_status = 2


class BrokenInstallation(SightcheckError):
    """A model file or a library is missing, altered or too old."""

    exit_status = 3
