"""What runs a submission's answers where they can do no harm, and what comes out of there."""
