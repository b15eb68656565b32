"""What an instructor runs: assignments from one source, graded in a sandbox that knows no answers."""
