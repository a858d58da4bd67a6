"""Pictures as data, how they are drawn, and exponents read off their curves; nothing here knows of runs."""

from framework.pictures.draw import draw, draw_curve, svg_of
from framework.pictures.film import Film, by_frequency
from framework.pictures.fits import LEVELS, collapse, collapse_exponent, crossing, exponent
from framework.pictures.heat_map import Axis, HeatMap, draw_heat_map, spacing
from framework.pictures.laws import DRAWS, Law, Samples, Thresholds, interval
from framework.pictures.movie import gif_of
from framework.pictures.panel import Curve, Numbers, Panel, as_csv
from framework.pictures.paper import WIDTHS, as_pdf
from framework.pictures.style import (
    COLOURS,
    INK,
    LONGEST_WORDS,
    NARROW,
    finite,
    literal,
    log_steps,
    mark_moments,
    mark_step,
    new_figure,
    plain_style,
    rendered,
    tidy,
    unescaped,
)
