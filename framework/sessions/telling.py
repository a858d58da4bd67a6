"""What the writers of a run are told about it, when their session ends, and the pictures that they are given then."""

import contextlib
import dataclasses
import functools
import json
import logging
from collections.abc import Iterator

import jax

from framework.config import flatten, to_dict
from framework.errors import Interrupted, named
from framework.interfaces import FAILED, FINISHED, STOPPED, About, Writer
from framework.records import fields_of_sweep
from framework.run import RunDirectory, Sessions, Writers, load_run
from framework.sessions.loop import Trainee
from framework.training import Experiment, hosts

log = logging.getLogger("whygrok")


@contextlib.contextmanager
def telling(trainee: Trainee, directory: RunDirectory, sessions: Sessions) -> Iterator[Writers]:
    """Gives the writers of a run, for one session, and ends them as it ends. Of several hosts only the first tells anybody."""
    experiment = trainee.experiment
    able = {name: _able(name, writer) for name, writer in experiment.writers.items()} if hosts.is_first() else {}
    about = functools.partial(_about, experiment, directory, sessions)
    writers = Writers(directory, able, about, lambda: jax.device_get(trainee.state.params))
    try:
        yield writers
    except (Interrupted, KeyboardInterrupt, GeneratorExit):
        writers.end(STOPPED)
        raise
    except BaseException:
        writers.end(FAILED)
        raise
    writers.end(FINISHED)


def tell_pictures(writers: Writers, directory: RunDirectory, step: int) -> None:
    """Gives the writers that want them the pictures of all probes of a run that is finished."""
    if not writers.want_pictures:
        return
    from framework.pictures import rendered
    from framework.reading import figure_of_probe

    run, pictures = load_run(directory.path), dict[str, bytes]()
    for name in run.experiment.probes:
        try:
            figure = figure_of_probe(run, name)
            if figure.axes:
                pictures[name] = rendered(figure, "png", json.dumps([to_dict(run.config)]))
        except Exception as error:  # a probe is anybody's code, and a picture less is no reason to call a finished run a failure
            log.warning("no writer is given a picture of the probe %s: %s", name, named(error))
    writers.pictures(step, pictures)


def _about(experiment: Experiment, directory: RunDirectory, sessions: Sessions, name: str, step: int) -> About:
    config = flatten(to_dict(experiment.config))
    sweep, path = directory.path.parent, directory.path
    fields = fields_of_sweep(sweep, path.name)
    return About(
        folder=directory.folder_of(name),
        name=path.name,
        sweep=sweep.name if fields is not None else "",
        step=step,
        started=sessions.first_start,
        config=config,
        changed={name: config[name] for name in fields or () if name in config},
        headline=experiment.task.headline,
    )


def _able(name: str, writer: Writer) -> Writer:
    """The writer, without histograms where the parameters lie on several hosts."""
    if not writer.histograms or hosts.count() == 1:
        return writer
    log.warning("writers.%s.histograms: there are none in a run on several hosts, none of which has all parameters", name)
    return dataclasses.replace(writer, histograms=False)
