"""What the chapters of *From pixels to RIDNet* share. Images are float32 in [0, 1], channels last, RGB."""
