"""What each factor that may explain claim C1 costs: one network, one change at a time. PyTorch alone."""
