"""What did the thesis print, and what do we get? Its tables, the studies in docs/, speed."""
