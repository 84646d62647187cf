"""Serve our service: `python -P -m serving`, one supervisor with one worker process.

The current folder is never put on the import path: it may hold packages of its own called models/ or serving/.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from serving import supervisor

PACKAGES = Path(__file__).resolve().parents[1]  # the folder that holds our packages, installed or checked out

if __name__ == "__main__":
    os.environ["PYTHONSAFEPATH"] = "1"  # for the worker process too
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PACKAGES), os.environ.get("PYTHONPATH")]))
    sys.exit(supervisor.main(sys.argv[1:]))
