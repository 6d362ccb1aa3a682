"""What can be asked of a library and edited in it, beside the runs."""
