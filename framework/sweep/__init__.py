"""Many runs: the folder of a sweep, how each member stands, and what the engines that train them have in common."""

from framework.sweep.choice import Choice, check_engine, choose_engine, with_size, without_waiting
from framework.sweep.folder import Show, SweepFolder
from framework.sweep.gpus import Gpus
from framework.sweep.here import train_here, train_together
from framework.sweep.progress import SweepProgress
from framework.sweep.run import run_sweep
from framework.sweep.share import Share, train_share, write_share
from framework.sweep.standings import ELSEWHERE, FAILED, FINISHED, QUEUED, RUNNING, STOPPED, WAITING, Standing, Standings
from framework.sweep.supervise import EXPLAINED, WHYGROK, Child, explained, may_start, member_arguments, raised, supervise
