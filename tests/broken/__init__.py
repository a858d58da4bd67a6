"""Plugins that the kit must find wrong, a file a kind."""

from tests.broken import claims, models, optimizers, penalties, probes, tasks

KINDS = (tasks, models, optimizers, penalties, probes, claims)
BROKEN = [broken for kind in KINDS for broken in kind.BROKEN]
FIRST = [kind.BROKEN[0] for kind in KINDS]
