"""The seam to Textual: if an upgrade moves what it leans on, it shows here."""
