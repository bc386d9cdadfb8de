"""What every request meets: limits, deadlines, other origins, repetition, the log."""
