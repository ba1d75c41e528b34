"""What a call tells its user."""

import semvid
from semvid.core.events import Notice


def heard(call, *arguments, **more):
    """Return the result of a call, and the notices it gave."""
    notices = []

    def keep(event):
        if isinstance(event, Notice):
            notices.append(event.message)

    return call(*arguments, on_event=keep, **more), notices


def compress(source, output, **options):
    """Compress by a map that needs no network; return the notices."""
    config = semvid.CompressConfig(
        **{"maps": semvid.MapsConfig(model="spectral"), "overwrite": True, **options}
    )
    return heard(semvid.compress, source, output, config)[1]
