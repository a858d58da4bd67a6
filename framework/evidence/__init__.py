"""Claims and figures held against numbers: verdicts, and the pages and files that show them."""
