"""What an operator sees of the work: the numbers of this process, and its steps as spans."""
