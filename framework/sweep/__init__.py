"""Many runs: the folder of a sweep, how each member stands, and the engines that train them."""

from framework.sweep.run import run_sweep
