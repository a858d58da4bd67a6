"""What there is to learn: a task, the sample that is drawn from it, and how an answer is judged."""
