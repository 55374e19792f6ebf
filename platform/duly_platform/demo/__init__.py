"""The demo's surroundings: customers who write, agents who answer, a mail catcher and a stand-in for Meta."""
