"""Dry runs: what a rules file would have done with poses that are there already. Nothing is sent or opened.

`posewire.dryrun.work` is the whole of it; decisions come from the same `posewire.closed_loop.ClosedLoop` as live.
"""
