"""How much a message can offer: WhatsApp's limits, which other channels keep to as well. The checker holds templates to
them, the engine the replies of people.

"Interactive reply buttons", "Interactive list messages" and "Template components" of the Cloud API.
"""

from __future__ import annotations

MOST_BUTTONS = 3
MOST_ROWS = 10
LONGEST_BUTTON = 20
"""Characters, also of what opens a list."""
LONGEST_ROW = 24
LONGEST_DESCRIPTION = 72
LONGEST_HEADER = 60
LONGEST_ABOVE_BUTTONS = 1024
LONGEST_ABOVE_LIST = 4096
