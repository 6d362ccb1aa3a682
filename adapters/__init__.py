"""Who asks, and where bytes live: one folder per technology, none of which knows another."""
