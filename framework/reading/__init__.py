"""What is read off finished and running runs: milestones, comparisons, curves, the pictures of probes."""

from framework.reading.curves import draw_curves
from framework.reading.following import Followed
from framework.reading.milestones import first_at_least, fitted_step, grokked_step, last_value, milestones, outcome
from framework.reading.probe_pictures import columns_of, draw_lines, draw_panels, draw_probe, finish, moments
