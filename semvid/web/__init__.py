"""Pages in a browser, served by semvid itself."""

from importlib.util import find_spec

from semvid.core.errors import ConfigError

if any(find_spec(one) is None for one in ("starlette", "uvicorn")):
    raise ConfigError("a page needs the extra web; pip install 'semvid[web]'")
