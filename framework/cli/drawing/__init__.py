"""Commands that draw what a run, or many, have recorded: into pictures, movies and pages."""
