"""What is built, and how it fares where others have installed theirs."""
