"""What may leave: classification, masking, redaction; one exit point."""
