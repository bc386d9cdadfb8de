"""What can be done with apps: the use cases that HTTP, the command and the console share."""
