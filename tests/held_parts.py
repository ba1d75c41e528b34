"""Parts of films that wait in the midst of their work, however fast they are and however busy the machine is."""

import os
import time

_HOLD = """
import os, sys, time
is_worker = any(one.endswith(("semvid.batch.tasks.worker", "default_worker.py")) for one in sys.orig_argv)
if is_worker and os.environ.get("HELD_PART"):
    import semvid.batch.tasks.orders as orders
    whole = orders.carry_out
    def carry_out(order, tell):
        if order["task"].get("part") != int(os.environ["HELD_PART"]) - 1:
            return whole(order, tell)
        has_waited = False
        def wait(record):
            nonlocal has_waited
            if record["event"] == "progress" and not has_waited:
                has_waited = True
                open(os.environ["IS_HELD"], "w").close()
                while os.path.exists(os.environ["IS_HELD"]): time.sleep(0.02)
            tell(record)
        return whole(order, wait)
    orders.carry_out = carry_out
"""


class HeldPart:
    """Holds a part while there is a file, which the part makes.

    Args:
        folder: For that file, and for what workers load.
        part: Which, from 1.
    """

    def __init__(self, folder, part):
        self._file = folder / "held"
        (folder / "sitecustomize.py").write_text(_HOLD)
        self.environment = {
            **os.environ, "PYTHONPATH": str(folder), "HELD_PART": str(part), "IS_HELD": str(self._file)
        }  # fmt: skip

    def wait_for(self):
        """Return once the part is held."""
        deadline = time.monotonic() + 120
        while not self._file.exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def let_go(self):
        """Have the part go on."""
        self._file.unlink()
