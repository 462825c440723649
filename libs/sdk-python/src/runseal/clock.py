"""Times as events carry them."""

from __future__ import annotations

import time


def time_text(seconds: float) -> str:
    """Seconds since 1970 as RFC 3339 in UTC with milliseconds."""
    milliseconds = int(seconds * 1000)
    whole = time.gmtime(milliseconds // 1000)
    return (
        f"{whole.tm_year:04d}-{whole.tm_mon:02d}-{whole.tm_mday:02d}"
        f"T{whole.tm_hour:02d}:{whole.tm_min:02d}:{whole.tm_sec:02d}.{milliseconds % 1000:03d}Z"
    )


def now_text() -> str:
    return time_text(time.time())
