"""Plugins that the kit must find wrong, a file a kind."""

from tests.broken import claims, models, optimizers, penalties, probes, tasks

BROKEN = [broken for kind in (tasks, models, optimizers, penalties, probes, claims) for broken in kind.BROKEN]
