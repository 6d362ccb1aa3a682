"""Where hashing and encoding happen: in threads of this process, or in processes of their own."""
