"""Many runs: the folder of a sweep, how each member stands, and what the engines that train them have in common."""

from framework.sweep.choice import Choice, check_engine, choose_engine, with_size
from framework.sweep.folder import Show, SweepFolder
from framework.sweep.gpus import Gpus
from framework.sweep.here import train_here, train_together
from framework.sweep.run import run_sweep
from framework.sweep.standings import ELSEWHERE, FAILED, FINISHED, RUNNING, STOPPED, WAITING, Standing, Standings
from framework.sweep.supervise import EXPLAINED, WHYGROK, Child, member_arguments, supervise
