"""What the gate before a hidden prompt is made of: folding, an index, memory and decoders."""
