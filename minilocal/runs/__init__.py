"""Run directories: configuration, checkpoints, tables, figures and progress of a training run."""
