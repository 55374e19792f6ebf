"""The files of a workspace followed in a git repository: fetched, checked, planned, and published where settings say so."""
