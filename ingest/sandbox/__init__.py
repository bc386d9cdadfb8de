"""Readers run in a killable child process, with limits on time, memory and output."""
