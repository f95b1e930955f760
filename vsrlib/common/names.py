"""The words that parameters choose from; each list stands here and nowhere else."""

FRAMEWORKS = ("torch", "jittor")
"""The pair that the study compares."""
TRAINERS = (*FRAMEWORKS, "paddle")
"""All that the network is written in."""
ONNX = "onnx"
NAMES = {"torch": "PyTorch", "jittor": "Jittor", "paddle": "PaddlePaddle", ONNX: "ONNX Runtime"}
"""The frameworks as texts, tables and charts call them."""
RESTORERS = (*TRAINERS, ONNX)
"""What restores: the frameworks, and ONNX Runtime, which does nothing else."""
BLURS = ("Gaussian", "Realistic")
PRESETS = ("study", "medium", "published")
PRECISIONS = FLOAT32, TF32, BFLOAT16 = ("float32", "tf32", "bfloat16")
OBJECTIVES = ("self-supervised", "supervised")
ENGINES = ("streaming", "cached", "reference")
SAMPLINGS = ("decimated", "centred")
VIDEO_FORMATS = ("mp4", "mkv")
COLOURS = ("auto", "bt601", "bt709", "bt2020")
COLOUR_RANGES = ("auto", "full", "limited")
DEVICES = ("auto", "cpu", "cuda")
CORRELATIONS = ("auto", "pure", "cpp", "cuda")
CONVOLUTIONS = ("auto", "framework", "winograd")

FILMED, MADE = KINDS = ("filmed", "made")
"""How a clip came about: a camera saw what moves, or moved over a photograph. The first decides, see the protocol."""
