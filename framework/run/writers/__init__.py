"""Who else is told of a run: its writers, one after another, none of which can end it, and the histograms that they ask for."""

from framework.run.writers.telling import Writers
