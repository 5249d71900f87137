"""From a decision to the outside world: what an output may do, and the process that does it."""
