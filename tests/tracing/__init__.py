"""Following one name."""
