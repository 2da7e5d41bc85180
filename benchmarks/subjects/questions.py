"""Runs a Python script and writes down how many questions it asks DNS: `RESULT SCRIPT ARGUMENT...`.

These are the datagrams it sends itself; what the system's resolver asks for it is not there.
"""

import atexit
import runpy
import sys
from pathlib import Path

_sent = [0]


def _count(event: str, _: object) -> None:
    if event == "socket.sendto":
        _sent[0] += 1


def main(result: str, script: str) -> None:
    """Run the script as if it had been called by itself."""
    file = Path(result).absolute()
    atexit.register(lambda: file.write_text(str(_sent[0])))
    sys.addaudithook(_count)
    del sys.argv[:2]
    sys.path[0] = str(Path(script).parent)
    runpy.run_path(script, run_name="__main__")


main(*sys.argv[1:3])
