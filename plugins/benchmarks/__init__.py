"""What `whygrok bench` can time; each module has `measure(options) -> rows` and adds its own options."""
