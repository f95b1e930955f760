"""Timing: the two protocols do the same work, and differ in when they wait."""

import numpy as np
from lazy_network import LazyNetwork

from vsrlib.restoration import timing


def test_the_waiting_counts_as_forward_or_as_post() -> None:
    network = LazyNetwork(0.2)
    window = np.random.default_rng(0).integers(0, 256, (5, 12, 16, 3), dtype=np.uint8)
    result = timing.time_both_ways(network, window, None, 2)
    right, wrong = result["synchronised"], result["as_reported"]
    assert result["repeats"] == 2 and all(len(right[part]) == len(wrong[part]) == 2 for part in timing.PARTS)
    # Not a speed: which of the two intervals holds the same 0.2 s of work.
    assert min(right["forward"]) >= 0.2 > max(wrong["forward"])
    assert min(wrong["post"]) >= 0.2
    assert network.events[:6] == ["wait", "upload", "wait", "run", "wait", "download"]


def test_each_protocol_goes_first_in_every_other_turn() -> None:
    network = LazyNetwork()
    timing.time_both_ways(network, np.zeros((5, 12, 16, 3), np.uint8), None, 4)
    after_upload = [what for before, what in zip(network.events, network.events[1:]) if before == "upload"]
    timed = after_upload[2 * timing._WARM_UP_TURNS :]  # "wait" is the synchronised protocol
    assert timed == ["wait", "run", "run", "wait"] * 2
