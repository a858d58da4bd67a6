"""What is read off finished and running runs: milestones, comparisons, curves, the pictures of probes."""

from framework.reading.curves import draw_curves, pair_of, panel_of, title_of
from framework.reading.milestones import first_at_least, fitted_step, grokked_step, last_value, milestones, outcome, value_from
from framework.reading.movies import draw_movie, films_of
from framework.reading.probe_pictures import (
    MOST_PANELS,
    columns_of,
    curves_of,
    draw_lines,
    draw_panels,
    draw_probe,
    figure_of_probe,
    finish,
    label_of,
    moments,
    pick_events,
    quantities_of,
)
from framework.reading.stored import of_stored, warn_of
