"""Which frames of a video are worth labelling next, and the labels they start with."""
