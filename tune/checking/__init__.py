"""What is wrong with rows before they are trained on, and how they are split."""
