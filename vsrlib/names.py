"""The words that parameters choose from; each list stands here and nowhere else."""

FRAMEWORKS = ("torch", "jittor")
BLURS = ("Gaussian", "Realistic")
PRESETS = ("study", "published")
ENGINES = ("reference",)
DEVICES = ("auto", "cpu", "cuda")
