"""Records as students, instructors and learning platforms read them."""
