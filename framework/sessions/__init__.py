"""Training sessions: a run is started or resumed, trained to its end or to a signal, and recorded."""

from framework.sessions.alone import Pace
from framework.sessions.session import open_session, train
from framework.sessions.signals import StopRequest
from framework.sessions.together import DoesNotFit, Group
