"""Choosing the frames of videos that are worth labelling: `posewire frames`."""
