"""Offline analysis of recorded videos: every frame, as fast as the machine goes, into the field's files.

``crew`` decodes and runs networks in threads, ``journal`` keeps what is done on the disk, ``results`` makes one table
of it, and one room a format writes that table. ``job`` is one video from start to outputs, ``service`` all of them.
"""
