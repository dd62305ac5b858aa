"""The claims of the paper, a file for each subject."""
