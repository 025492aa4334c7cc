"""What can be trained: one file per task, each with the class of its name."""
