"""One file per format that an export can be written in."""
