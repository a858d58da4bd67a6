"""Who else can be told of a run."""
