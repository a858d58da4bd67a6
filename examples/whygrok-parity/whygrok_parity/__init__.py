"""Chosen parities for whygrok: importing the package registers its plugins."""

from whygrok_parity.model import SineNetwork
from whygrok_parity.probe import WalshCoefficients
from whygrok_parity.task import ChosenParity

__all__ = ["ChosenParity", "SineNetwork", "WalshCoefficients"]
