"""Servers that write down what is said in a recording."""
