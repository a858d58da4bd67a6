"""Is a plugin right? Promises of each kind, looked at in a small experiment: for authors' tests and `whygrok check`.

from framework.testing import check_probe
check_probe(MyProbe())
"""

from functools import partial

from framework.testing.everything import every_plugin
from framework.testing.kinds import claims, interventions, losses, models, optimizers, penalties, probes, tasks
from framework.testing.kinds import every as every  # registers what plugins of all kinds promise
from framework.testing.kinds.around import engines, writers
from framework.testing.promises import Broken, Finding, promises
from framework.testing.report import check, check_kind, findings
from framework.testing.subject import surroundings

check_task = partial(check_kind, tasks.TASK)
check_model = partial(check_kind, models.MODEL)
check_optimizer = partial(check_kind, optimizers.OPTIMIZER)
check_penalty = partial(check_kind, penalties.PENALTY)
check_loss = partial(check_kind, losses.LOSS)
check_probe = partial(check_kind, probes.PROBE)
check_intervention = partial(check_kind, interventions.INTERVENTION)
check_writer = partial(check_kind, writers.WRITER)
check_claim = partial(check_kind, claims.CLAIM)
check_engine = partial(check_kind, engines.ENGINE)
