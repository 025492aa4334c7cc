"""The `tfrecvis` command: `main.py` reads the arguments, each sub-command is a file."""
