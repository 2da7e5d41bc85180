"""How public DNS is asked: from the roots down, at the servers that have authority."""
