"""The parameters of the notebooks: one frozen dataclass for each, with its checks."""

from vsrlib.study.settings.base import INTERACTIVE, QUICK, Settings
from vsrlib.study.settings.data import DataSettings, EnvironmentSettings, LookSettings, StartSettings
from vsrlib.study.settings.jobs import AblationSettings, CostsSettings, InferSettings, ParitySettings, TrainSettings
from vsrlib.study.settings.results import (
    ClaimsSettings,
    CompareSettings,
    DiscussSettings,
    FigureSettings,
    PairsSettings,
    ShowSettings,
)

__all__ = [
    "INTERACTIVE",
    "NOTEBOOKS",
    "QUICK",
    "AblationSettings",
    "ClaimsSettings",
    "CompareSettings",
    "CostsSettings",
    "DataSettings",
    "DiscussSettings",
    "EnvironmentSettings",
    "FigureSettings",
    "InferSettings",
    "LookSettings",
    "PairsSettings",
    "ParitySettings",
    "Settings",
    "ShowSettings",
    "StartSettings",
    "TrainSettings",
]

NOTEBOOKS: dict[str, type[Settings]] = {
    "00_start_here": StartSettings,
    "01_check_environment": EnvironmentSettings,
    "02_generate_data": DataSettings,
    "03_train_network": TrainSettings,
    "04_infer_clips": InferSettings,
    "05_compare_frameworks": CompareSettings,
    "06_prove_parity": ParitySettings,
    "07_ablate_alignment": AblationSettings,
    "08_measure_costs": CostsSettings,
    "09_judge_claims": ClaimsSettings,
    "10_draw_figures": FigureSettings,
    "11_look_at_data": LookSettings,
    "12_show_frames": ShowSettings,
    "13_discuss_answers": DiscussSettings,
    "14_compare_every_pair": PairsSettings,
}
"""The settings class of each notebook."""
