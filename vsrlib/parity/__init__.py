"""The referee: is a port of a network the same network, and if not, which layer departs first?

The comparing core knows neither network nor framework: `measures`, `rule`, `store` and `comparison` take arrays and
give verdicts; `recorder` watches any network through a `Side`, of which `torch_side` and `jittor_side` are two.
docs/parity.md says how to use it on a port of your own. Importing this imports no framework.
"""
