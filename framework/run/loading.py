"""A run, finished or still running, as data: metrics, parameters and networks, read from files."""

import functools
import glob
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import nnx

from framework.config import PLUGIN_SECTIONS, from_stored, plugin_list
from framework.errors import Damage, UserError
from framework.fields import check_condition
from framework.fields.shown import shown, table
from framework.records import FAILURES, NOTES, Outcome, data_frame, natural, read_lines
from framework.run.analysis import Comparison, activations, compare, over_time
from framework.run.checkpoints import Damaged, complete_steps, read_leaves
from framework.run.directory import RunDirectory
from framework.run.remaining import Best
from framework.storage import at_home, npz_names, read_npz, storage
from framework.training import BEST, Experiment, TrainState, leaf_name, named_leaves, place, precision, unraw


@dataclass(frozen=True, repr=False)
class Run:
    """What training left behind. `path` is None for a run in memory, which remembers its final state only."""

    experiment: Experiment
    rows: list[dict[str, Any]]
    path: Path | None = None
    final: TrainState | None = None
    stored: Mapping[int, Mapping[str, np.ndarray]] = field(default_factory=dict)

    def __repr__(self) -> str:
        step = self.rows[-1]["step"] if self.rows else 0
        return f"<run {self.path or 'in memory'} at step {step} of {self.experiment.general.steps}>"

    def _repr_html_(self) -> str:
        known, asked = Outcome(self.headline, self.rows), self.experiment.general.steps
        plugins = [self.config[kind].name for kind in PLUGIN_SECTIONS if self.config[kind].name != "none"]
        numbers = {f"train/{self.headline}": known.train, f"test/{self.headline}": known.test}
        numbers |= {"fitted": known.fitted, "grokked": known.grokked}
        lines = [("trained", ", ".join(plugins)), ("step", f"{shown(known.step)} of {asked}")]
        lines += [(name, shown(value)) for name, value in numbers.items()] + [("mishap", said) for said in known.mishaps]
        return table(f"run {self.path.name}" if self.path else "run in memory", ("", ""), lines)

    @property
    def config(self) -> Any:
        """The resolved config."""
        return self.experiment.config

    @property
    def headline(self) -> str:
        """The metric by which the task says that a split is learned, such as accuracy."""
        return self.experiment.task.headline

    @functools.cached_property
    def origin(self) -> "tuple[Run, int] | None":
        """(the run that this one is a fork of, the step of the fork); None for a run that is none, or whose origin is gone."""
        path, step = run_and_step(self.experiment.general.fork_of)
        return None if step is None or not RunDirectory.at(path).is_run else (load_run(path), step)

    def frame(self) -> Any:
        """`metrics` as a pandas DataFrame, a row per event. Raises UserError where pandas is not installed."""
        columns = self.metrics()
        return data_frame(columns, list(columns))

    def metrics(self) -> dict[str, np.ndarray]:
        """Metric name → array with one entry per row: float64, `step` int64; NaN where it was not measured or not finite."""
        names = dict.fromkeys(name for row in self.rows for name in row if name not in NOTES)
        columns = {name: [row.get(name) for row in self.rows] for name in names}
        numbers = {name: np.array([np.nan if x is None else x for x in column], float) for name, column in columns.items()}
        return numbers | ({"step": np.array(columns["step"], np.int64)} if "step" in numbers else {})

    def series(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """(steps, values) of one metric, only where it was measured. Raises UserError for an unknown name."""
        if name in NOTES or not any(name in row for row in self.rows):
            from framework.errors import did_you_mean, one_of

            columns = self.metrics()
            why = self.failure_of(name.partition("/")[0])
            raise UserError(f"no metric {name!r} in this run.{why or did_you_mean(name, columns)} Metrics: {one_of(columns)}.")
        there = [(row["step"], value) for row in self.rows if (value := row.get(name)) is not None and value == value]
        return np.array([step for step, _ in there], np.int64), np.array([value for _, value in there], float)

    def failure_of(self, probe: str) -> str:
        """A sentence on when a probe first failed, and why, with a blank before it; nothing where it did not."""
        first = ((row["step"], row[FAILURES][probe]) for row in self.rows if probe in row.get(FAILURES, {}))
        return next((f" The probe failed at step {step:,}: {why}." for step, why in first), "")

    def arrays(self, name: str) -> dict[int, np.ndarray]:
        """Step → array, for a probe quantity that is an array, such as "spectrum/eigenvalues"."""
        if self.path is None:
            return {step: arrays[name] for step, arrays in self.stored.items() if name in arrays}
        files = RunDirectory.at(self.path).array_files()
        return {step: read[name] for step, file in files.items() if name in (read := self._read(file, lambda file: read_npz(file, [name])))}

    def array_names(self) -> list[str]:
        """The names of all probe quantities that are arrays, as `arrays` takes them."""
        if self.path is None:
            return sorted({name for arrays in self.stored.values() for name in arrays})
        files = RunDirectory.at(self.path).array_files().values()
        return sorted({name for file in files for name in self._read(file, npz_names)})

    def _read(self, file: Path, read: Callable[[Path], Any]) -> Any:
        """What `read` gives of a file of arrays. Raises Damage, StorageError."""
        assert self.path is not None
        try:
            with storage("reading", file):
                return read(file)
        except ValueError as error:
            raise Damage(f"{file}: {error}", self.path) from None

    @property
    def steps(self) -> list[int]:
        """Steps with a saved checkpoint."""
        if self.path is None:
            return [int(self.final.step)] if self.final is not None else []
        return complete_steps(RunDirectory.at(self.path).checkpoints)

    def saved_step(self, step: int | None = None) -> int:
        """The step, or the newest that is saved. Raises UserError where nothing is saved there."""
        steps = self.steps
        if not steps or (step is not None and step not in steps):
            raise UserError(f"no parameters are saved{'' if step is None else f' at step {step}'}; saved: {steps or 'none'}")
        return steps[-1] if step is None else step

    def params(self, step: int | None = None) -> Any:
        """Parameters at a saved step (the newest by default) as a nested dict of NumPy arrays."""
        return self.arrays_of(step)[0]

    def arrays_of(self, step: int | None = None) -> tuple[Any, Any]:
        """(parameters, other variables) of the network at a saved step, the newest by default, as nested dicts of NumPy arrays."""
        leaves = self.leaves(step)
        return self._part("params", leaves), self._part("variables", leaves)

    def model(self, step: int | None = None) -> nnx.Module:
        """The network at a saved step, the newest by default, in evaluation mode: an nnx.Module, which treescope can draw."""
        with precision(self.experiment.numerics):
            return self.experiment.network.module(*place(self.arrays_of(step), self.experiment.device))

    def over_time(
        self, function: Callable, steps: Iterable[int] | None = None, *, of: str = "model", compiled: bool = True
    ) -> tuple[np.ndarray, Any]:
        """(steps, values) of a function of the network at every saved step, or at `steps`: each array of what it gives as [T, …].

        of: whether it takes the network ("model") or the nested dict of its parameters ("params"). compiled: it is compiled once for all
        steps; False for one that needs NumPy. Raises UserError where nothing is saved.
        """
        return over_time(self, function, steps, of, compiled)

    def activations(self, step: int | None = None, inputs: Any = None) -> dict[str, np.ndarray]:
        """Name → what the parts of the network at a saved step give, attention patterns among them; see `framework.activations`.

        inputs: those of the whole population by default.
        """
        inputs = self.experiment.splits.population.inputs if inputs is None else inputs
        with precision(self.experiment.numerics):
            return jax.device_get(jax.jit(activations)(self.model(step), inputs))  # type: ignore[no-any-return]

    def compare(self, other: "Run") -> Comparison:
        """The fields in which another run differs, the first number that does, and how far its parameters are at steps in common."""
        return compare(self, other)

    @functools.cached_property
    def _template(self) -> TrainState:
        return self.experiment.initial_state()

    def _part(self, part: str, leaves: dict[str, np.ndarray]) -> Any:
        template = getattr(self._template, part)
        flat, structure = jax.tree_util.tree_flatten_with_path(template)
        return jax.tree.unflatten(structure, [unraw(leaves[f"{part}.{leaf_name(path)}"], leaf) for path, leaf in flat])

    def leaves(self, step: int | None = None) -> dict[str, np.ndarray]:
        """Every array of the whole state at a saved step, the newest by default, under a name such as 'opt_state.0.mu.W'."""
        step = self.saved_step(step)
        if self.path is None:
            assert self.final is not None
            return named_leaves(self.final)
        try:
            return read_leaves(RunDirectory.at(self.path).checkpoints / str(step))
        except Damaged as damage:
            raise UserError(f"checkpoint {step} of {self.path} is {damage}; saved: {self.steps}") from None


def run_and_step(source: str) -> tuple[str, int | None]:
    """(RUN, STEP) of RUN@STEP, or of RUN, whose own name may have an @; RUN@best is the step that checkpoint.keep_best chose.

    Raises UserError where what follows the last @ is no step.
    """
    path, at, step = source.rpartition("@")
    if not at or RunDirectory.at(source).is_run:
        return source, None
    if step == "best":
        return path, _best_step(source, RunDirectory.at(path))
    if not step.isdecimal():
        directory = RunDirectory.at(path)
        raise UserError(f"{source}: after @ comes a step; saved: {complete_steps(directory.checkpoints) or 'none'}")
    return path, int(step)


def _best_step(source: str, directory: RunDirectory) -> int:
    text = str(directory.read_config().get("checkpoint", {}).get("keep_best", ""))
    if not text.strip():
        raise UserError(f'{source}: that run keeps no best state; train it with --config.checkpoint.keep_best="-test/loss"')
    step = Best(check_condition(BEST, text, number=True), read_lines(directory.metrics)[0]).step
    if step is None:
        raise UserError(f"{source}: no row of that run has {text}")
    return step


def load_run(path: str | Path, plugins: str | tuple[str, ...] = ()) -> Run:
    """The run in a directory; nothing there is written.

    plugins: where plugin files that have moved since are now. Raises UserError when there is no run.
    """
    directory = RunDirectory.at(path)
    directory.check_is_run()
    rows, _ = read_lines(directory.metrics)
    config = from_stored(directory.read_config(), directory.config, plugin_list(plugins))
    return Run(experiment=Experiment.from_config(config), rows=rows, path=directory.path)


def load_runs(pattern: str | Path, plugins: str | tuple[str, ...] = ()) -> list[Run]:
    """The runs in the folders that a pattern such as "runs/seeds/*" matches, in natural order and each once; ** is any depth of folders.

    Raises UserError where there is none, and as `load_run` does.
    """
    found = glob.glob(str(at_home(pattern)), recursive=True)
    paths = {RunDirectory.at(path).path for path in found if Path(path).is_dir()}  # each once, also where a link leads there
    runs = sorted((str(path) for path in paths if RunDirectory.at(path).is_run), key=natural)
    if not runs:
        what = f"{len(found)} files and folders match, none of them a run" if found else "nothing matches"
        raise UserError(f"no runs at {pattern}: {what}")
    return [load_run(path, plugins) for path in runs]
