"""Trains a config and writes what came of it: `python trained.py ARGUMENTS.json`, a script for processes of their own.

ARGUMENTS.json has: environment (changes), config, workdir (null: in memory), file_limit (bytes that a file may have, or null).
Beside it, result.json says how many programs were compiled and read, and the SHA-256 of a run in memory.
"""

import hashlib
import json
import logging
import os
import resource
import sys
from pathlib import Path

given = json.loads(Path(sys.argv[1]).read_text())
for name, value in given["environment"].items():
    os.environ.pop(name, None) if value is None else os.environ.update({name: value})

import jax  # noqa: E402
import numpy as np  # noqa: E402

from framework import train  # noqa: E402
from framework.config import from_dict  # noqa: E402
from framework.training import named_leaves  # noqa: E402

logging.basicConfig(format="whygrok: %(message)s", level=logging.WARNING)
events: list[str] = []
jax.monitoring.register_event_listener(lambda event, **_: events.append(event.rpartition("/")[2]))
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (given["file_limit"] or unlimited[0], unlimited[1]))
run = train(from_dict(given["config"]), given["workdir"])
resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)

digest = hashlib.sha256()
if run.final is not None:
    for name, leaf in sorted(named_leaves(run.final).items()):
        digest.update(name.encode() + np.ascontiguousarray(leaf).tobytes())
    rows = [{name: value for name, value in row.items() if name != "seconds"} for row in run.rows]
    digest.update(json.dumps(rows, default=str).encode())
counts = {"asked": events.count("compile_requests_use_cache"), "read": events.count("cache_hits")}
Path(sys.argv[1]).with_name("result.json").write_text(json.dumps(counts | {"bits": digest.hexdigest()}))
