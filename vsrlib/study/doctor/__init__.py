"""What works on this machine, and the one command that mends what does not."""
