"""Who acts beside others: each owns something, and is asked through a bounded queue."""
