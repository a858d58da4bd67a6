"""A run on disk: its folder, rows, checkpoints, environment, and the run that is loaded from them."""

from framework.run.analysis import Comparison, activations, compare_configs, compare_rows, differences
from framework.run.checkpoints import Checkpoints, NoCheckpoints, complete_steps, read_leaves
from framework.run.directory import RunDirectory, new_workdir
from framework.run.environment import ONE_DEVICE, Sessions, check_alike, start_backend
from framework.run.loading import Run, load_run, load_runs, run_and_step
from framework.run.programs import program_place
from framework.run.progress import Progress, StandardError
from framework.run.remaining import Best, Watch, check_steps, ends_here, is_complete, reason_of_end, rows_end_before
from framework.run.rows import Follower, FollowingRecorder, Recorder, RowDict, RunRecorder
from framework.run.writers import Writers
