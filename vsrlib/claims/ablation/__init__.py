"""What each suspect of claim C1 costs: one network, one change at a time, on the same frames. PyTorch alone."""
