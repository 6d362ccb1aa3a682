"""What a run does: importing, promoting, scanning, and the worker that all of them share."""
