"""Pages, charts and pictures of results. Nothing that is written loads anything from the network."""
