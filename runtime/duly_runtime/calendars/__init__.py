"""Business time: calendars laid out as open intervals, and the arithmetic of clocks on them."""

from duly_runtime.calendars.working_time import CalendarNeverOpens, Calendars, Stretch, WorkingTime

__all__ = ["CalendarNeverOpens", "Calendars", "Stretch", "WorkingTime"]
