"""Training of the whole network and of the flow network."""
