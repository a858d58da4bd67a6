"""What is said of combinations that cannot be meant, and of those that are unusual."""

import pytest

from framework import Experiment
from framework.cli import run_command
from framework.config import experiment, select
from framework.errors import FieldError, UserError
from tests.helpers import QUIET


def notices(**parts):
    defaults = {"task": select("modular_addition", p=5), "model": select("quadratic", width="4"), "optimizer": select("gd")}
    return Experiment.from_config(experiment(**defaults | parts, recording=QUIET)).notices()


def test_a_degree_below_the_number_of_summands_is_explained():
    (said,) = notices(task=select("modular_addition", p=5, k=3), model=select("quadratic", width="4", degree=2))
    assert said.startswith("model: degree = 2 with inputs of 3 tokens") and "degree=0 stands for 3" in said
    (said,) = notices(task=select("modular_addition", p=5, k=3), model=select("kernel", inner=select("quadratic", width="4", degree=2)))
    assert said.startswith("model.inner: degree = 2")
    assert notices() == []


@pytest.mark.parametrize(
    ("rate", "decay", "said"), [(1e-2, 20.0, ["0.2", "5 steps"]), (1e-4, 1e-2, ["1e-06", "1,000,000 steps"]), (1e-3, 1.0, [])]
)
def test_an_unusual_decay_is_said_with_its_time_constant(rate, decay, said):
    found = " ".join(notices(optimizer=select("grokfast", inner=select("adamw", learning_rate=rate, weight_decay=decay))))
    assert bool(found) == bool(said) and all(word in found for word in said)


@pytest.mark.slow
def test_a_degree_that_parity_needs_is_not_argued_with():
    parity = select("sparse_parity", bits=10, relevant=3)
    assert notices(task=parity, model=select("quadratic", width="8", degree=3)) == []
    with pytest.raises(FieldError, match="degree = 0: stands for the number of tokens, here 43"):
        made = experiment(
            task=select("sparse_parity", bits=43, population_size="100"), model=select("quadratic"), optimizer=select("gd"), recording=QUIET
        )
        Experiment.from_config(made).initial_state()


@pytest.mark.parametrize("outer", ["grokfast", "orthograd", "by_part"])
def test_sam_inside_a_filter_is_refused(outer):
    field = "chosen" if outer == "by_part" else "inner"
    with pytest.raises(UserError, match=f"optimizer.{field}.name = 'sam': stands inside optimizer.*sam.grokfast"):
        notices(optimizer=select(outer, **{field: select("sam")}))
    assert notices(optimizer=select("scheduled", inner=select("sam"))) == []


RUN = ["run", "--config=quickstart", "--config.steps=2", "--config.recording.progress=false"]


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (
            ["--config=quickstart:model=transformer", "--config.model.heads=5"],
            2,
            "model.heads = 5: must divide d_model = 128; the nearest number that does is 4",
        ),
        (["--config=quickstart:model=kernel"], 2, "optimizer.weight_decay = 1.0: must be 0 with model.name = 'kernel'"),
        pytest.param(
            ["--config=k_summands", "--config.model.degree=2"], 0, "model: degree = 2 with inputs of 3 tokens", marks=pytest.mark.slow
        ),
        (["--config.task.temperature=2", "--config.task.loss=square"], 2, "task.temperature = 2.0: must be 1 with Square"),
        (["--config=quickstart:penalty=group,model=transformer", "--config.model.d_model=8"], 2, "penalty"),
        (["--config=quickstart:optimizer=by_part", "--config.optimizer.parts=bias"], 2, "optimizer.parts = 'bias': matches no parameter"),
        (["--config=quickstart:model=kernel,optimizer=fixed_norm"], 2, "the parameters begin at 0"),
        (
            ["--config=quickstart:optimizer=sgd", "--config.optimizer.nesterov=true", "--config.optimizer.momentum=0"],
            2,
            "optimizer.momentum = 0.0",
        ),
        (["--config.task.batch_size=5000"], 2, "task.batch_size = '5000'"),
    ],
)
def test_mistakes_in_a_combination_are_explained_on_the_command_line(options, code, said, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert run_command([*RUN, *options, "--workdir=run"]) == code
    error = capfd.readouterr().err
    assert said in error and "Traceback" not in error
    assert code == 0 or not (tmp_path / "run").exists()
