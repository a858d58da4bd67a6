"""Pictures as data, and how they are drawn; nothing here knows of runs."""

from framework.pictures.draw import draw, draw_curve, svg_of
from framework.pictures.panel import Curve, Numbers, Panel, as_csv
from framework.pictures.style import COLOURS, INK, log_steps, mark_step, new_figure, rendered, tidy
