"""The examples of a run: whether they are what they are said to be, what takes them, and which of them a step sees."""
