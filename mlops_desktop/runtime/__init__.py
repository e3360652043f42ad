"""How things run: the event bus, background jobs and tickers."""
