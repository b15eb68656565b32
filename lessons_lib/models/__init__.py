"""One file an architecture, in the order the book meets them."""
