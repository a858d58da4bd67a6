"""What happens at single steps: when something is due, what ends a run, and what is changed while a network trains."""
