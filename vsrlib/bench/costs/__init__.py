"""What each framework costs beside the network: evidence for claims C4, C7 and C8. Command: `vsrlib costs`."""
