"""Speed, measured as ratios against a peer or a hand-written limit in the same run. `make bench`, never a test."""
