"""What engines need to know of a cluster: what its queue says, what is submitted to it, and what became of that."""
