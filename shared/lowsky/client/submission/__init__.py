"""Many plans on one stream, and a journal that resumes it after a break."""
