"""Where keypoints will be: several filters compete, the best of late is used, holding the last pose is the fallback."""

from posewire.predict.bank import BANK, Member, PredictRules
from posewire.predict.predictor import Predictor

__all__ = ["BANK", "Member", "PredictRules", "Predictor"]
