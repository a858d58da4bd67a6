"""Runs and sweeps that other processes are writing, followed through their files; nothing is written, and no code of theirs runs."""

from framework.records.live.following import Followed
from framework.records.live.growing import Growing
from framework.records.live.pauses import Pauses
from framework.records.live.run import KILLED, MISSING, STARTING, Happened, LiveRun
from framework.records.live.sweep import ORDER, WAITING, LiveSweep, Member
