"""The contract with providers as a pytest suite: what their hooks do, not only how they look."""
