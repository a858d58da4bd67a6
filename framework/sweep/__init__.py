"""Many runs: the folder of a sweep, how each member stands, and what the engines that train them have in common."""

from framework.sweep.folder import ELSEWHERE, FAILED, FINISHED, RUNNING, STOPPED, WAITING, Show, Standing, SweepFolder
from framework.sweep.run import check_engine, run_sweep
from framework.sweep.supervise import EXPLAINED, WHYGROK, Child, member_arguments, supervise, train_here
