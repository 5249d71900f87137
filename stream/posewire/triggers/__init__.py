"""Rules over poses: what is to happen when. Pure: numbers and times in, decisions out."""
