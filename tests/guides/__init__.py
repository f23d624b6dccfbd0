"""The guides are true: whatever they show is run."""
