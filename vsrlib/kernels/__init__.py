"""C++ and CUDA sources, compiled on first use, and what calls them from each framework."""
