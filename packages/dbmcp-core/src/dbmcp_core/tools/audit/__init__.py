"""The records of calls: written, chained by hashes, read and removed."""
