"""Labels of all common kinds, read into one record and written back."""

from posewire_training.labels.files import load_labels, save_labels
from posewire_training.labels.record import Labels

__all__ = ["Labels", "load_labels", "save_labels"]
