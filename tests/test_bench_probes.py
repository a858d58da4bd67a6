"""whygrok bench probes: every probe that fits is timed, each beside the same steps."""

import pytest

from framework import build, registry
from framework.cli import run_command
from plugins.benchmarks import probes as module
from plugins.benchmarks.probes import NETWORKS, event_rows, fitting_probes

NEEDS_A_HIDDEN_LAYER = {"fourier"}  # it reads the weights of each neuron, which a transformer has not


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS)
def test_every_probe_that_fits_is_timed_beside_a_step(network, monkeypatch):
    known = {entry.name for entry in registry.entries("probe")}
    assert known - set(fitting_probes(network, 7)) <= NEEDS_A_HIDDEN_LAYER
    monkeypatch.setattr(module, "fitting_probes", lambda network, p: ["norms", "ntk_drift"])
    rows = event_rows(network, 7, repeats=2, seconds=1e-3)
    assert [row["setting"] for row in rows] == [{"probe": name, "model": network, "p": 7, "points": 29} for name in ("norms", "ntk_drift")]
    for row in rows:
        assert row["reference"] == "step" and row["milliseconds"] > 0 and row["reference_milliseconds"] > 0


def test_an_event_that_takes_long_is_timed_once(monkeypatch):
    calls = []
    monkeypatch.setattr(module, "LONG_SECONDS", 0.0)
    monkeypatch.setattr(module, "in_turn", lambda programs, repeats, seconds: calls.append(repeats) or {"event": [8.0], "step": [2.0]})
    monkeypatch.setattr(module, "fitting_probes", lambda network, p: ["norms"])
    (row,) = event_rows("quadratic", 7, repeats=5, seconds=1e-3)
    assert calls == [1] and (row["milliseconds"], row["ratio"]) == (8.0, 4.0)


def test_a_probe_that_cannot_look_is_left_out(monkeypatch):
    assert "progress_measures" in fitting_probes("quadratic", 7)
    monkeypatch.setattr(module, "_config", lambda network, p, probes: _on_numbers(probes))
    found = fitting_probes("mlp", 7)
    assert "norms" in found and "progress_measures" not in found, "frequencies are of tokens"


def _on_numbers(probes):
    from framework.config import experiment, select

    task, model = select("teacher_student", points=20, dimension=5), select("mlp", width="4")
    return experiment(task=task, model=model, optimizer=select("gd"), probes={name: select(name) for name in probes})


def test_an_unknown_network_is_refused(capsys):
    assert run_command(["bench", "probes", "networks=mpl"]) == 2
    assert "mlp" in capsys.readouterr().err
    assert build("benchmark", "probes", networks=()).networks == ()
