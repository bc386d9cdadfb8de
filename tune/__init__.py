"""Fine-tuning: training sets, jobs, what their curves say, publishing, and whether it pays."""
