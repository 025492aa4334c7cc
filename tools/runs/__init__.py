"""Trainings: recipes, the directory of a run, checkpoints, callbacks."""
