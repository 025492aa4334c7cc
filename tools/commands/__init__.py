"""The sub-commands of `tfrecvis`: one file each, with the name of the command."""
