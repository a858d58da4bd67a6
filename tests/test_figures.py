"""Verdicts of figures: known answers are found in curves and runs made for the purpose."""

import csv
import io
import json
import math

import numpy as np
import pytest

from framework import Curve, Experiment, Panel, Picture, Verdict
from framework.config import experiment, select
from framework.evidence.figures import write_picture
from framework.pictures import as_csv, collapse, crossing, exponent
from framework.run import Run
from plugins import shapes

MODULI = (11, 17, 23, 31)
SHARE = "change when fitted ÷ change at the end"


def run(rows, alpha=1.0, p=11, seed=0):
    """A run with these rows; what is not given is fitted and finite."""
    config = experiment(
        seed=seed,
        task=select("modular_addition", p=p, train_size="60%"),
        model=select("quadratic", width="4", init_scale=alpha),
        optimizer=select("gd"),
    )
    return Run(experiment=Experiment.from_config(config), rows=[{"train/loss": 0.0, **row} for row in rows])


def drift(*values, fitted, size=1.0):
    """Rows at steps 1, 10, 100, …: the change of an eNTK of that size, whose direction stays, and training accuracy 1 from a step on."""
    return [
        {"step": 10**i, "train/accuracy": 1.0 if 10**i >= fitted else 0.5, "test/accuracy": 0.1}
        | {shapes.DRIFT: value, shapes.RELATIVE: value / size, shapes.COSINE: 1.0}
        for i, value in enumerate(values)
    ]


@pytest.mark.parametrize("power", [1.5, 5 / 3, 2.0])
def test_the_exponent_at_which_curves_collapse_is_recovered(power):
    """Accuracy is a logistic function of log(n / 2 p^power); the grid of n knows nothing of the power."""
    sizes = {p: np.linspace(0.05, 0.99, 40) * p**2 for p in MODULI}
    curves = {p: (n, 1 / (1 + np.exp(-8 * np.log(n / (0.6 * p**power * 31 ** (2 - power) / 2))))) for p, n in sizes.items()}
    found, error = collapse(curves)
    assert found == pytest.approx(power, abs=0.02)
    assert error < 0.02


def test_the_error_of_a_collapse_covers_the_noise_of_whole_curves():
    """Each curve is shifted by a factor of its own: over many draws the exponent lies within two errors about as often as it should."""
    generator, covered, errors = np.random.default_rng(0), 0, []
    for _ in range(60):
        shifts = np.exp(0.05 * generator.standard_normal(len(MODULI)))
        curves = {}
        for p, shift in zip(MODULI, shifts, strict=True):
            n = np.geomspace(0.1, 10, 60) * p ** (5 / 3)
            curves[p] = (n, 1 / (1 + np.exp(-6 * np.log(n / (shift * p ** (5 / 3))))))
        found, error = collapse(curves)
        covered += abs(found - 5 / 3) <= 2 * error
        errors.append(error)
    assert covered >= 45
    exact = 0.05 / np.sqrt(np.sum((np.log(MODULI) - np.mean(np.log(MODULI))) ** 2))  # of a least-squares slope
    assert 0.5 * exact < np.median(errors) < 2 * exact


def test_too_few_curves_give_no_answer_rather_than_a_wrong_one():
    curve = ([10.0, 20.0], [0.0, 1.0])
    assert all(map(math.isnan, collapse({11: curve})))
    found, error = collapse({11: curve, 22: ([20.0, 40.0], [0.0, 1.0])})
    assert found == pytest.approx(1.0) and math.isnan(error)
    assert all(map(math.isnan, collapse({p: ([10.0, 20.0], [0.0, 0.05]) for p in MODULI})))
    assert all(map(math.isnan, exponent([3.0], [1.0])))


def test_a_curve_crosses_a_level_where_a_straight_line_in_log_n_does():
    assert crossing([10, 1000], [0.0, 1.0], 0.5) == pytest.approx(100)
    assert math.isnan(crossing([10, 1000], [0.6, 1.0], 0.5))  # before the first size
    assert math.isnan(crossing([10, 1000], [0.0, 0.4], 0.5))


def test_the_exponent_of_a_power_law_and_its_error_are_those_of_least_squares():
    x = np.array([2.0, 3.0, 5.0, 7.0])
    assert exponent(x, 3 * x**-0.7) == pytest.approx((-0.7, 0.0), abs=1e-12)
    y = np.array([1.0, 1.3, 1.1, 1.6])
    (slope, _), covariance = np.polyfit(np.log(x), np.log(y), 1, cov=True)
    assert exponent(x, y) == pytest.approx((slope, np.sqrt(covariance[0, 0])))


def test_a_kernel_that_waits_is_told_from_one_that_does_not():
    waits = shapes.kernel_waits([run(drift(0.1, 0.2, 1.0, 50.0, fitted=10))], "here")
    assert waits.seen and waits.measured[SHARE] == pytest.approx(0.2 / 50)
    assert waits.measured["step fitted"] == 10
    assert waits.measured["change when 95% are fitted ÷ change at the end"] == pytest.approx(0.2 / 50)
    at_once = shapes.kernel_waits([run(drift(0.0, 0.2, 50.0, fitted=1))], "here")
    assert not at_once.seen and not any("95%" in name for name in at_once.measured), "fitted before the kernel has moved at all"
    early = shapes.kernel_waits([run(drift(0.1, 30.0, 40.0, 50.0, fitted=10))], "here")
    assert not early.seen and early.measured[SHARE] == pytest.approx(0.6)
    never = shapes.kernel_waits([run(drift(0.1, 30.0, fitted=10**9))], "here")
    assert not never.seen and never.measured[SHARE] is None
    assert not shapes.kernel_waits([run(drift(0.1, 0.2, 1.0, 50.0, fitted=10)), run(drift(0.1, 30.0, fitted=10))], "here").seen


def test_a_kernel_that_waits_may_be_far_from_where_it_was_and_one_that_does_not_near():
    """‖Θ_0‖ is 1,000 or 1 under the same change: only one of them is still the initial kernel when it has fitted."""
    near, far = (run(drift(1.0, 5.0, 40.0, 80.0, fitted=10, size=size)) for size in (1000.0, 1.0))
    verdict = shapes.kernel_regime([near], "here")
    assert verdict.seen and verdict.measured["change when fitted ÷ ‖Θ_0‖"] == pytest.approx(0.005)
    assert not shapes.kernel_waits([near], "here").seen
    waits = run(drift(1.0, 5.0, 40.0, 800.0, fitted=10))
    assert shapes.kernel_waits([waits], "here").seen and not shapes.kernel_regime([waits], "here").seen
    both = shapes.kernel_regime([near, far], "here")
    assert not both.seen and both.measured["change when fitted ÷ ‖Θ_0‖, greatest"] == pytest.approx(5)
    never = shapes.kernel_regime([run(drift(1.0, 5.0, fitted=10**9, size=1000.0))], "here")
    assert not never.seen and never.measured["cosine with Θ_0 when fitted"] is None


def test_a_kernel_that_turned_is_not_the_initial_one_and_the_cosine_is_the_one_at_fitting():
    rows = drift(1.0, 5.0, 40.0, 80.0, fitted=100, size=1000.0)
    cosines = (1.0, 0.999, 0.99, 0.5)
    turned = run([{**row, shapes.COSINE: cosine} for row, cosine in zip(rows, cosines, strict=True)])
    verdict = shapes.kernel_regime([turned], "here")
    assert not verdict.seen and verdict.measured["cosine with Θ_0 when fitted"] == pytest.approx(0.99)


def test_a_kernel_that_goes_on_changing_is_told_from_one_at_rest():
    goes_on = shapes.kernel_goes_on([run(drift(1.0, 8.0, 10.0, fitted=10))], "here")
    assert goes_on.seen and goes_on.measured["share of the change after"] == pytest.approx(0.2)
    assert not shapes.kernel_goes_on([run(drift(1.0, 9.9, 10.0, fitted=10))], "here").seen


def accuracies(grokked):
    """Fitted at step 10, test accuracy 1 from a step on: until then the gap is 1."""
    return [{"step": 10**i, "train/accuracy": float(i >= 1), "test/accuracy": float(10**i >= grokked)} for i in range(6)]


def test_the_gap_of_each_scale_is_measured_and_must_grow_with_it():
    runs = [run(accuracies(10**i), alpha) for i, alpha in ((4, 4.0), (2, 0.5), (3, 1.0))]
    verdict = shapes.gap_closes(runs, shapes.scale, "here")
    assert verdict.seen
    assert [verdict.measured[f"decades from fitted to grokked at α = {a}"] for a in ("0.5", "1", "4")] == pytest.approx([1, 2, 3])
    assert [verdict.measured[f"area at α = {a}"] for a in ("0.5", "1", "4")] == pytest.approx([1, 2, 3])  # half a decade up, half down
    assert not shapes.gap_closes([run(accuracies(100), 1.0), run(accuracies(100), 2.0)], shapes.scale, "here").seen


def test_a_run_that_diverged_has_no_accuracy_and_no_area():
    rows = [*accuracies(10)[:3], {"step": 10**6, "train/accuracy": 1.0, "test/accuracy": 1.0, "train/loss": None}]
    lost = run(rows)
    assert math.isnan(shapes.area(lost)) and not shapes.generalizes([lost], "here").seen
    assert list(shapes.accuracies([lost], "", 0)[0].x) == [1, 10, 100]


def test_a_kernel_that_diverged_has_no_end_to_compare_with():
    rows = drift(1.0, 5.0, 40.0, 800.0, fitted=10)
    assert shapes.kernel_waits([run(rows)], "here").seen
    lost = run([*rows, {**rows[-1], "step": 10**9, "train/loss": None, shapes.DRIFT: None}])
    assert not shapes.kernel_waits([lost], "here").seen and not shapes.kernel_goes_on([lost], "here").seen


def test_one_seed_that_diverged_closes_no_gap():
    rows = accuracies(10)
    lost = run([*rows, {"step": 10**6, "train/accuracy": 1.0, "test/accuracy": 1.0, "train/loss": None}], 0.5, seed=1)
    whole = [run(rows, 0.5), run(accuracies(1000), 1.0)]
    assert shapes.gap_closes(whole, shapes.scale, "here").seen
    assert not shapes.gap_closes([*whole, lost], shapes.scale, "here").seen


def test_norms_that_grow_with_p_are_not_flat():
    def ending(norm):
        return [run([{"step": 1, "norms/linf": norm(p)}], p=p) for p in MODULI]

    assert shapes.flat(ending(lambda p: 0.8), "here").seen
    grows = shapes.flat(ending(lambda p: p**0.5), "here")
    assert not grows.seen and grows.measured["exponent"] == pytest.approx(0.5)


def test_a_slope_that_is_known_badly_is_not_flat_and_only_what_generalizes_counts_after_grokking():
    noisy = [run([{"step": 1, "norms/linf": norm}], p=p) for p, norm in zip(MODULI, (1.0, 3.0, 0.5, 1.2), strict=True)]
    assert shapes.flat(noisy, "here").measured["standard error"] > shapes.FLAT and not shapes.flat(noisy, "here").seen
    ends = zip(MODULI, (5.0, 0.8, 0.8, 0.8), (0.5, 1.0, 1.0, 1.0), strict=True)
    some = [run([{"step": 1, "norms/linf": norm, "test/accuracy": accuracy}], p=p) for p, norm, accuracy in ends]
    assert shapes.flat(some, "here", grokked=True).seen and not shapes.flat(some, "here").seen
    assert shapes.flat(some, "here", grokked=True).measured["exponent"] == pytest.approx(0, abs=1e-12)


def test_the_kernel_between_measurements_is_where_a_power_law_has_it():
    steps = (9, 99, 999)  # 1 + step is 10, 100, 1,000
    one = run([{"step": 0, shapes.DRIFT: 0.0}, *({"step": step, shapes.DRIFT: float(1 + step) ** 2} for step in steps)])
    assert shapes.kernel_at(one, 99) == pytest.approx(1e4)
    assert shapes.kernel_at(one, 399) == pytest.approx(400.0**2)
    assert shapes.kernel_at(one, 0) is None and shapes.kernel_at(one, None) is None


def test_what_learns_nothing_closes_no_gap():
    def never(alpha):
        return run([{"step": 10**i, "train/accuracy": min(1.0, alpha * i / 4), "test/accuracy": 0.0} for i in range(5)], alpha=alpha)

    verdict = shapes.gap_closes([never(0.5), never(1.0)], shapes.scale, "here")
    assert verdict.measured["area at α = 0.5"] < verdict.measured["area at α = 1"] and not verdict.seen


def test_runs_are_grouped_by_all_but_their_seed_in_the_order_in_which_they_come():
    runs = [run([], alpha, seed=seed) for seed, alpha in ((1, 4.0), (0, 1.0), (0, 4.0), (2, 4.0))]
    groups = shapes.by_setting(runs)
    assert [[shapes.seed(one) for one in group] for group in groups] == [[0, 1, 2], [0]]
    assert {shapes.scale(one) for one in groups[0]} == {4.0}


def test_a_quantity_over_seeds_has_a_median_a_range_and_a_count_of_what_is_missing():
    assert shapes.over_seeds({"step": [5, 1, 9]}) == {"step": 5.0, "step, least": 1.0, "step, greatest": 9.0}
    assert shapes.over_seeds({"step": [7, None, float("nan")]}) == {"step": 7.0, "step, seeds without": 2}
    assert shapes.over_seeds({"a": [None], "b": [2.0]}) == {"a": None, "a, seeds without": 1, "b": 2.0}


def test_a_band_spans_the_seeds_and_what_ended_early_goes_on_with_its_last_value():
    *pale, line = shapes.band([([1, 10, 100], [0.0, 0.2, 0.4]), ([1, 10], [0.1, 1.0]), ([10, 100], [0.6, 0.5])], "test")
    assert list(line.x) == [1, 10, 100] and [len(one.x) for one in pale] == [3, 2, 2] and all(one.faint for one in pale)
    assert list(line.y) == pytest.approx([0.05, 0.6, 0.5])
    assert list(line.low) == pytest.approx([0.0, 0.2, 0.4]) and list(line.high) == pytest.approx([0.1, 1.0, 1.0])
    [alone] = shapes.band([([1, 2], [3.0, 4.0])], "one seed")
    assert alone.low is None and not alone.faint


def picture():
    panel = Panel("a", "step", "accuracy", [Curve("one", [0, 10], [0.0, float("nan")]), Curve("two", [1], [3.0], second=True)])
    return Picture([[panel]], [Verdict("a shape", {"number": float("inf"), "none": None, "two": 2}, "small", True)])


def test_the_data_drawn_and_the_verdicts_are_written_beside_the_picture(tmp_path):
    files = write_picture(picture(), [run(accuracies(10))], tmp_path / "figx", "figx")
    assert [file.name for file in files] == ["figx.png", "figx.pdf", "figx.csv", "verdict.json"]
    before = [file.read_bytes() for file in files]
    rows = list(csv.reader(io.StringIO(files[2].read_text())))
    assert rows[1:] == [["a", "accuracy", "one", "0.0", "0.0"], ["a", "accuracy", "one", "10.0", ""], ["a", "", "two", "1.0", "3.0"]]
    [verdict] = json.loads(files[3].read_text())
    measured = {"number": None, "none": None, "two": 2.0}
    assert verdict == {"figure": "figx", "claim": "a shape", "measured": measured, "expected": "small", "seen": True}
    write_picture(picture(), [run(accuracies(10))], tmp_path / "figx", "figx")
    assert [file.read_bytes() for file in files] == before
    assert len(as_csv([])) < 40
