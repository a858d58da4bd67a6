"""The figure my_figure: say in one line what it shows."""

from dataclasses import dataclass

from framework import Curve, Figure, Panel, Picture, Verdict, register


@register("my_figure")
@dataclass(frozen=True, kw_only=True)
class MyFigure(Figure):
    """Test accuracy of every run, and whether all of them generalize. Source: the paper, its figure and year."""

    config = "paper/fig4"  # a config with get_sweep, at the scales smoke, laptop and full

    def picture(self, runs):
        """One curve per run, and one verdict."""
        curves = [Curve(f"p = {run.config.task.p}", *run.series("test/accuracy"), "-", number) for number, run in enumerate(runs)]
        ends = {curve.label: float(curve.y[-1]) for curve in curves}
        verdict = Verdict("every run generalizes", ends, "test accuracy ≥ 0.99", min(ends.values()) >= 0.99)
        return Picture([[Panel("test accuracy", "step", "accuracy", curves)]], [verdict])
