"""The network in both frameworks, behind one interface. Importing this imports neither."""

from vsrlib.networks.network import load_network

__all__ = ["load_network"]
