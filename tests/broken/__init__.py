"""Plugins that the kit must find wrong, one file per kind."""

from tests.broken import claims, engines, interventions, losses, models, numbers, optimizers, penalties, probes, tasks, writers

KINDS = (tasks, models, optimizers, penalties, losses, probes, interventions, writers, claims, engines, numbers)
BROKEN = [broken for kind in KINDS for broken in kind.BROKEN]
FIRST = [kind.BROKEN[0] for kind in KINDS]
