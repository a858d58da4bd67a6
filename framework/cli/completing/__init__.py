"""What the shell asks when Tab is pressed: commands, options, configs, plugins and the fields of a config, without NumPy and JAX."""
