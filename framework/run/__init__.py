"""A run on disk: its folder, rows, checkpoints, environment, and the run that is loaded from them."""

from framework.run.directory import RunDirectory
from framework.run.loading import Run, load_run
