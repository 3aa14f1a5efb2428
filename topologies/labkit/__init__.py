"""What the labs are made of: namespaces and links, the processes in them, traffic, and the report."""
