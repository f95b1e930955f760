"""The referee: is a port of a network the same network, and if not, which layer departs first?

The comparing core knows neither network nor framework: `comparison` takes arrays and gives verdicts; `recorder` watches
any network of any framework that has a `vsrlib.networks.backend.Backend`.
docs/parity.md says how to use it on a port of your own. Importing this imports no framework.
"""
