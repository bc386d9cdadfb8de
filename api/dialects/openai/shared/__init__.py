"""What all operations of this dialect share: errors, and lists in parts."""
