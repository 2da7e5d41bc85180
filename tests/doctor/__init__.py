"""What is wrong with a cell, made so on purpose."""
