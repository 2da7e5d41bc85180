"""Stand-ins for services that nobody can install; they write to zones of the local internet."""
