"""MLflow: one run there for one run here, in a database beside the rows or on a tracking server."""

import logging
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from framework import About, Pen, Recorded, Writer, field, register
from framework.errors import FieldError, UserError
from framework.interfaces import FAILED, FINISHED, STOPPED
from framework.storage import check_links, read_database, read_json, real_path, remove, temporary_folder, write_atomically, write_json

MISSING = "MLflow, or what it needs for a database, is not installed: pip install 'whygrok[mlflow]'"
IDENTITY, DATABASE, ARTIFACTS = "identity.json", "mlflow.db", "mlartifacts"  # in the writer's folder
BESIDE = ("-wal", "-shm", "-journal")  # what SQLite may have beside a database
CODE = "select count(*) from sqlite_master where type = 'view' or (type = 'trigger' and tbl_name != 'secrets')"  # MLflow has one there
PLACES = "select runs.artifact_uri, artifact_location from runs join experiments using (experiment_id) where run_uuid = ?"
STATUS = {FINISHED: "FINISHED", STOPPED: "KILLED", FAILED: "FAILED"}
MOST_METRICS, MOST_PARAMS, LONGEST = 1000, 100, 500  # in one request; characters of a field's value
WAIT_SECONDS = 1.0  # how old rows may be that are not told yet: each request waits for a disk or a network


@register("mlflow")
@dataclass(frozen=True, kw_only=True)
class MLflow(Writer):
    """A run of MLflow: every row as metrics, the config as parameters, the pictures of probes as artifacts.

    By default it lies in a database in the run's folder: mlflow ui --backend-store-uri sqlite:///RUN/mlflow/mlflow.db. A run that is
    resumed goes on as the same run of MLflow, and no number is told twice; if its folder was moved, its own database is made anew.

    Source: the library mlflow.
    """

    leads_outside = ("tracking_uri",)

    tracking_uri: str = field("", "where the runs are, such as sqlite:///runs/mlflow.db; empty: MLFLOW_TRACKING_URI, or the run's folder")
    experiment: str = field("", "the experiment in which the run appears; empty: the name of the sweep, or whygrok")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.histograms:
            raise FieldError("histograms", True, "MLflow shows no histograms: leave it at false, and ask tensorboard or wandb for them")

    def destination(self) -> str:
        """What the config says; a variable is the user's own."""
        return self.tracking_uri

    def refusal(self) -> str:
        """Whether the libraries are there; a server needs no database here."""
        needed = ("mlflow",) if self._given and not self._given.startswith("sqlite:") else ("mlflow", "sqlalchemy", "alembic")
        return "" if all(map(find_spec, needed)) else MISSING

    def begin(self, about: About, rows: Sequence[Recorded]) -> "Tracked":
        """The run of MLflow in which this one goes on; a new one where that one holds numbers that this one has no more."""
        check_links([about.folder / name for name in (IDENTITY, DATABASE, ARTIFACTS)])
        where = self._given or _own(about.folder)
        client = _client(where if self._given else _address(where))
        run_id = _known(about.folder / IDENTITY, where, client)
        told = _told(client, run_id) if run_id else set()
        if run_id and any(step <= about.step for _, step in told - {pair for row in rows for pair in _pairs(row)}):
            client.delete_run(run_id)
            run_id, told = None, set()
        if run_id:
            client.update_run(run_id, status="RUNNING")
        else:
            run_id = _new(client, self.experiment or about.sweep or "whygrok", _artifacts(where), about, own=not self._given)
            write_json(about.folder / IDENTITY, {"tracking_uri": where, "run_id": run_id})
        client.log_dict(run_id, dict(about.config), "config.json")
        pen = Tracked(client, run_id, about.started, told)
        for row in rows:
            pen.row(row)
        return pen

    @property
    def _given(self) -> str:
        return self.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI", "")


class Tracked(Pen):
    """A run of MLflow that is open. Rows are told about once a second, all that wait in one request."""

    def __init__(self, client: Any, run_id: str, started: float, told: set[tuple[str, int]]):
        """told: (metric, step) of all that MLflow has."""
        self._client, self._run, self._started, self._told = client, run_id, started, told
        self._waiting: list[Any] = []
        self._sent = time.monotonic()

    def row(self, row: Recorded) -> None:
        """The numbers of a row that MLflow has not."""
        from mlflow.entities import Metric

        moment = int(1000 * (self._started + row.seconds))
        new = [(pair, number) for pair, number in zip(_pairs(row), row.numbers.values(), strict=True) if pair not in self._told]
        self._waiting += [Metric(name, number, moment, step) for (name, step), number in new]
        self._told |= {pair for pair, _ in new}
        self.flush()

    def flush(self) -> None:
        """What has waited for a while is told."""
        if self._waiting and time.monotonic() - self._sent >= WAIT_SECONDS:
            self._send()

    def pictures(self, step: int, pictures: Mapping[str, bytes]) -> None:
        """Each of them as a file among the artifacts."""
        with temporary_folder() as folder:
            for name, png in pictures.items():
                file = Path(folder, f"{name}.png")
                write_atomically(file, png, durable=False)
                self._client.log_artifact(self._run, str(file), "pictures")

    def end(self, how: str) -> None:
        """What waits, and how it ended."""
        self._send()
        self._client.set_terminated(self._run, STATUS[how])

    def _send(self) -> None:
        for some in _in_parts(self._waiting, MOST_METRICS):
            self._client.log_batch(self._run, metrics=some)
        self._waiting, self._sent = [], time.monotonic()


_spelled: dict[str, int] = {}  # by the address of a database: how often it was made anew in this process


def _own(folder: Path) -> str:
    """The address of the run's own database. Unless all that is there says that it lies in this very folder, it goes.

    It follows from the rows, and of a run that was moved, or that a stranger has sent, MLflow would write files wherever they say.
    """
    where = f"sqlite:///{folder / DATABASE}"
    if _is_at_home(folder, where):
        _spelled.setdefault(where, 0)
    else:
        for name in (IDENTITY, ARTIFACTS, DATABASE, *(DATABASE + end for end in BESIDE)):
            remove(folder / name)
        _spelled[where] = _spelled.get(where, -1) + 1
    return where


def _is_at_home(folder: Path, where: str) -> bool:
    home = (folder / ARTIFACTS).as_uri()
    try:
        kept = read_json(folder / IDENTITY)
        run_id = str(kept["run_id"]) if kept["tracking_uri"] == where else ""
        [(code,)], places = read_database(folder / DATABASE, CODE), read_database(folder / DATABASE, PLACES, run_id)
    except (OSError, ValueError, TypeError, KeyError):
        return False
    linked = any(path.is_symlink() for path in (folder / ARTIFACTS).rglob("*"))
    return not code and not linked and places == [(f"{home}/{run_id}/artifacts", home)]


def _address(where: str) -> str:
    """The same database, spelled so that MLflow, which remembers each address for as long as the process lives, takes it for a new one."""
    return where.removesuffix(DATABASE) + "./" * _spelled[where] + DATABASE


def _client(where: str) -> Any:
    """MLflow without its messages, and without what it reports about its users."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient

    for library in ("mlflow", "alembic"):
        logging.getLogger(library).setLevel(logging.WARNING)
    return MlflowClient(tracking_uri=where)


def _known(file: Path, where: str, client: Any) -> str | None:
    """The id of the run of MLflow that this run has there; None where it has none, or where somebody has deleted it."""
    from mlflow.exceptions import MlflowException

    try:
        kept = read_json(file)
    except (OSError, ValueError):
        return None
    if not isinstance(kept, dict) or kept.get("tracking_uri") != where or not re.fullmatch("[0-9a-f]{32}", str(kept.get("run_id"))):
        return None
    try:
        found = client.get_run(kept["run_id"])
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None
    return kept["run_id"] if found.info.lifecycle_stage == "active" else None


def _told(client: Any, run_id: str) -> set[tuple[str, int]]:
    """(metric, step) of all that MLflow has of a run."""
    names = client.get_run(run_id).data.metrics
    return {(name, told.step) for name in names for told in client.get_metric_history(run_id, name)}


def _artifacts(where: str) -> str | None:
    """Where files go: beside a database, which would put them into the current folder; a server knows it itself."""
    kind, slashes, database = where.partition(":///")
    return (real_path(database).parent / ARTIFACTS).as_uri() if slashes and kind == "sqlite" else None


def _new(client: Any, experiment: str, artifacts: str | None, about: About, own: bool) -> str:
    """The id of a new run, in an experiment that may have to be made. own: whether its files must lie beside the database."""
    from mlflow.entities import Param
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(experiment)
    if found is None:
        try:
            home = client.create_experiment(experiment, artifact_location=artifacts)
        except MlflowException:  # another member of the sweep has just made it
            found = client.get_experiment_by_name(experiment)
            if found is None:
                raise
    if own and found is not None and found.artifact_location != artifacts:
        raise UserError(f"the experiment {experiment} of MLflow keeps its files in {found.artifact_location}: name another as `experiment`")
    home = home if found is None else found.experiment_id
    tags = {"whygrok.sweep": about.sweep} if about.sweep else {}
    run = client.create_run(home, start_time=int(1000 * about.started), run_name=about.name, tags=tags).info.run_id
    for some in _in_parts([Param(name, str(value)[:LONGEST]) for name, value in about.config.items()], MOST_PARAMS):
        client.log_batch(run, params=some)
    return str(run)


def _pairs(row: Recorded) -> list[tuple[str, int]]:
    """(metric, step) of the numbers of a row; MLflow's names have no + in them."""
    return [(name.replace("+", "_"), row.step) for name in row.numbers]


def _in_parts(items: list[Any], most: int) -> Iterator[list[Any]]:
    for first in range(0, len(items), most):
        yield items[first : first + most]
