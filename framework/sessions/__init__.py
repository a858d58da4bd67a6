"""Training sessions: a run is started or resumed, trained to its end or to a signal, and recorded."""

from framework.sessions.session import train
from framework.sessions.signals import StopRequest
