"""PyAV, which holds FFmpeg's libraries: only video files and JPEG frames need it, so it is imported with the first."""

from vsrlib.common.errors import UserError

try:
    import av
except ImportError as error:
    raise UserError(
        f"Video files and JPEG frames are read through PyAV, which cannot be used here ({error}): "
        "install the package av, or give PNG frames."
    ) from error

__all__ = ["av"]
