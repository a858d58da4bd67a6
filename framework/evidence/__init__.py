"""Claims and figures held against numbers: verdicts, and the pages and files that show them."""

from framework.evidence.claims import CheckedClaim, check_claim, chosen_claims, summary
