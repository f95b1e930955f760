"""Data sets as people have them: which folders they lie in, whether they are whole, and where they come from."""
