"""Frames, clips and videos on disk; blur and decimation; test sets made from them."""
