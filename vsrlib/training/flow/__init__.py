"""Optical flow: pairs of frames whose flow is known, the training of the flow network on them, and its error."""
