"""Event logs of other systems (CSV, XES) as the past of a backtest, by a mapping file."""
